data { int n; array[n] int C; vector[n] year; }
parameters {
  real<lower=-20, upper=20> alpha;
  real<lower=-10, upper=10> beta1; real<lower=-10, upper=10> beta2; real<lower=-10, upper=10> beta3;
  real<lower=0, upper=5> sigma; vector[n] eps_raw;
}
transformed parameters { vector[n] eps = sigma * eps_raw; }
model {
  eps_raw ~ std_normal();
  C ~ poisson_log(alpha + beta1 * year + beta2 * square(year) + beta3 * year .* square(year) + eps);
}
