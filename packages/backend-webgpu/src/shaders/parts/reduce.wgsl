// Splits x = high + low, where |low| is far below |high|, into n log 2 + ρ, and computes e^ρ − 1 by a polynomial. WGSL's own exp may be off
// by 3 + 2|x| units in the last place, and this is off by about one. n log 2 is subtracted in two parts, of which the first is exact.
struct Reduced {
  n: #{real},
  beyond: #{real}, // e^ρ − 1
}

fn reduce(high: #{real}, low: #{real}) -> Reduced {
  let n = round(high * 1.44269504);
  let rho = ((high - n * 0.693359375) + n * 2.12194440e-4) + low;
  var series = rho * 1.9875691500e-4 + 1.3981999507e-3;
  series = rho * series + 8.3334519073e-3;
  series = rho * series + 4.1665795894e-2;
  series = rho * series + 1.6666665459e-1;
  series = rho * series + 5.0000001201e-1;
  return Reduced(n, rho + rho * rho * series);
}
