import type { Report } from "../harness/index.js";

/** Writes a field as RFC 4180 says. */
function field(x: unknown): string {
  const text = x === undefined || x === null ? "" : String(x);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const HEAD =
  "workload,operation,dtype,batch,n,r,p,chunk,decay,name,build,status,reason,error_eps,limit_eps,ms,mad_ms,samples,gflops,of_js_peak,of_ceiling,speedup,speedup_low,speedup_high";

/** Writes a line for every contender of every case. */
export function csv({ cases }: Report): string {
  const lines = cases.flatMap(({ workload, operation, dtype, sizes, chunk, decay = "none", rows }) => {
    const { batch, n, r, p } = sizes;
    return rows.map(({ name, build, status, reason, error, ms, gflops, ofJsPeak, ofCeiling, speedup }) =>
      [
        ...[workload, operation, dtype, batch, n, r, p, chunk, decay],
        ...[name, build, status, reason],
        ...[error?.value, error?.limit, ms?.median, ms?.mad, ms?.samples.length, gflops, ofJsPeak, ofCeiling],
        ...[speedup?.value, speedup?.low, speedup?.high],
      ]
        .map(field)
        .join(","),
    );
  });
  return `${[HEAD, ...lines].join("\r\n")}\r\n`;
}
