/** A module like a function's. Loaded and run by a process that waits, it has Node compile what does so with the next. */
export const handler = async (event) => ({ event });
