data { int N; int J; vector[N] floor_measure; vector[N] log_radon; array[N] int county_idx; }
parameters {
  real mu_alpha; real mu_beta; real<lower=0> sigma_alpha; real<lower=0> sigma_beta; real<lower=0> sigma_y;
  vector[J] alpha; vector[J] beta_raw;
}
transformed parameters { vector[J] beta = mu_beta + sigma_beta * beta_raw; }
model {
  mu_alpha ~ normal(0, 10);
  mu_beta ~ normal(0, 10);
  sigma_alpha ~ normal(0, 1);
  sigma_beta ~ normal(0, 1);
  sigma_y ~ normal(0, 1);
  alpha ~ normal(mu_alpha, sigma_alpha);
  beta_raw ~ std_normal();
  log_radon ~ normal(alpha[county_idx] + beta[county_idx] .* floor_measure, sigma_y);
}
