data { int N; array[N] int switched; vector[N] dist; vector[N] arsenic; }
transformed data { matrix[N, 3] X = append_col(append_col(dist / 100, arsenic), dist / 100 .* arsenic); }
parameters { real alpha; vector[3] beta; }
model { switched ~ bernoulli_logit_glm(X, alpha, beta); }
