import { messageOf } from "@dlrt/bench/harness";

/** The part of a worker's global scope in use; the DOM types know only a page's. */
interface Scope<Command, Event> {
  postMessage(event: Event): void;
  addEventListener(type: "message", listener: (event: { readonly data: Command }) => void): void;
}

/** Hands every command of the page to `obey`, one after the other; what it throws is told as a failure. */
export function serve<Command, Event>(
  obey: (command: Command, tell: (event: Event) => void) => Promise<void>,
  failed: (message: string) => Event,
): void {
  const scope = globalThis as unknown as Scope<Command, Event>;
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker takes none
  const tell = (event: Event): void => scope.postMessage(event);
  let before = Promise.resolve();
  scope.addEventListener("message", ({ data }) => {
    before = before.then(() => obey(data, tell)).catch((error: unknown) => tell(failed(messageOf(error))));
  });
}
