interface Limits {
  readonly testTimeout: number;
  readonly hookTimeout: number;
  readonly teardownTimeout: number;
}
export declare const WAIT_MS: number;
export declare const limits: Limits;
export declare const longLimits: Limits;
