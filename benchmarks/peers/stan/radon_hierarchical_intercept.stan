data { int N; int J; vector[N] floor_measure; vector[N] log_radon; vector[N] log_uppm; array[N] int county_idx; }
parameters { real mu_alpha; vector[2] beta; real<lower=0> sigma_alpha; real<lower=0> sigma_y; vector[J] alpha; }
model {
  mu_alpha ~ normal(0, 10);
  beta ~ normal(0, 10);
  sigma_alpha ~ normal(0, 1);
  sigma_y ~ normal(0, 1);
  alpha ~ normal(mu_alpha, sigma_alpha);
  log_radon ~ normal(alpha[county_idx] + beta[1] * log_uppm + beta[2] * floor_measure, sigma_y);
}
