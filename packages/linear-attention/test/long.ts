/** Returns the first in `test:long`, which runs all cases, and the second in the default run, which runs some of them. */
export const ifLong = <A, B>(all: A, some: B): A | B => (process.env["DLRT_LONG"] === "1" ? all : some);
