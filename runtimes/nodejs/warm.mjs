/** A module like a function's. Imported by a process that waits, it has Node compile what imports the next one. */
export const handler = async () => undefined;
