/** Of `test:long` the first, which is all there is; of the default run the second, evenly among the first. */
export const ifLong = <A, B>(all: A, some: B): A | B => (process.env["DLRT_LONG"] === "1" ? all : some);
