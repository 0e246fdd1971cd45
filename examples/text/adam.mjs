const [MEAN, SQUARE, EPS] = [0.9, 0.98, 1e-8];

/** Adam (Kingma and Ba, 2015) on one array of parameters, which it changes in place. */
export class Adam {
  #step = 0;

  constructor(parameters) {
    this.parameters = parameters;
    this.mean = new Float32Array(parameters.length);
    this.square = new Float32Array(parameters.length);
  }

  /** @param gradients scaled down as a whole where they are longer than `longest` @returns their length before */
  step(gradients, rate, longest = 1) {
    const { parameters, mean, square } = this;
    const length = Math.sqrt(gradients.reduce((sum, x) => sum + x * x, 0));
    const scale = Math.min(1, longest / length);
    this.#step++;
    const [m, s] = [1 - MEAN ** this.#step, 1 - SQUARE ** this.#step];
    for (let i = 0; i < parameters.length; i++) {
      const g = scale * gradients[i];
      mean[i] += (1 - MEAN) * (g - mean[i]);
      square[i] += (1 - SQUARE) * (g * g - square[i]);
      parameters[i] -= (rate * (mean[i] / m)) / (Math.sqrt(square[i] / s) + EPS);
    }
    return length;
  }
}
