/** AWS shows in base64 the digest that names the package in hexadecimal. */
export function base64Digest(sha256: string): string {
  return Buffer.from(sha256, 'hex').toString('base64');
}
