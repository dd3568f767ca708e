// A picture in, a smaller one out. sharp brings its native library along, so this is more than a script.
import sharp from 'sharp';

const WIDTH_MAX = 1024;

/** Event: { picture: base64, width?: pixels }. Answer: { format, width, height, picture: base64 }. */
export const handler = async ({ picture, width = 128 }) => {
  if (!Number.isInteger(width) || width < 1 || width > WIDTH_MAX) throw new RangeError(`width: 1 to ${WIDTH_MAX}`);
  const source = sharp(Buffer.from(picture, 'base64'));
  const original = await source.metadata();
  const { data, info } = await source
    .rotate()
    .resize({ width, withoutEnlargement: true })
    .png()
    .toBuffer({ resolveWithObject: true });
  return {
    original: { format: original.format, width: original.width, height: original.height },
    thumbnail: { format: info.format, width: info.width, height: info.height },
    picture: data.toString('base64'),
  };
};
