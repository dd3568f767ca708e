/**
 * The console of a function: text lines or JSON records, filtered by level, on standard output or, when the platform
 * gives a descriptor for it, as frames that keep the line breaks of a message together.
 */

'use strict';

const { writeSync } = require('fs');
const { format } = require('util');
const { formatForLog, intoError } = require('./errors.cjs');

const frameHeadBytes = 16;
const textFrame = 0xa55a0003;
const jsonFrame = 0xa55a0002;
/** How long a full log pipe is waited for before each further attempt, and how often. */
const fullPipeWaitMs = 5;
const fullPipeAttemptsMax = 2000;

const levels = {
  TRACE: { name: 'TRACE', priority: 1, frameBits: 0x04 },
  DEBUG: { name: 'DEBUG', priority: 2, frameBits: 0x08 },
  INFO: { name: 'INFO', priority: 3, frameBits: 0x0c },
  WARN: { name: 'WARN', priority: 4, frameBits: 0x10 },
  ERROR: { name: 'ERROR', priority: 5, frameBits: 0x14 },
  FATAL: { name: 'FATAL', priority: 6, frameBits: 0x18 },
};

/**
 * Replaces the console's methods, and returns `logError(title, thrown)` which logs as the runtime itself does.
 *
 * Reads AWS_LAMBDA_LOG_FORMAT and AWS_LAMBDA_LOG_LEVEL; reads and deletes _LAMBDA_TELEMETRY_LOG_FD.
 *
 * @param {() => string | undefined} requestId of the running invocation
 * @param {() => string | undefined} tenantId of the running invocation
 */
function patchConsole(requestId, tenantId) {
  const json = String(process.env.AWS_LAMBDA_LOG_FORMAT).toUpperCase() === 'JSON';
  const lowest = levels[String(process.env.AWS_LAMBDA_LOG_LEVEL).toUpperCase()] || levels.TRACE;
  const descriptor = takeDescriptor();
  const emit =
    descriptor === undefined ? emitLine : (level, date, text) => emitFrame(descriptor, json, level, date, text);

  function log(level, message, params) {
    const date = new Date();
    const time = date.toISOString();
    if (json) {
      emit(level, date, formatRecord(time, level.name, requestId(), tenantId(), message, params));
    } else {
      const text = `${time}\t${requestId()}\t${level.name}\t${format(message, ...params)}`;
      emit(level, date, descriptor === undefined ? text : `${text}\n`);
    }
  }

  for (const level of Object.values(levels)) {
    const enabled = level.priority >= lowest.priority;
    console[level.name.toLowerCase()] = enabled ? (message, ...params) => log(level, message, params) : () => {};
  }
  console.log = console.info;

  return function logError(title, thrown) {
    if (json) console.error(intoError(thrown));
    else console.error(title, formatForLog(intoError(thrown)));
  };
}

function takeDescriptor() {
  const text = process.env._LAMBDA_TELEMETRY_LOG_FD;
  delete process.env._LAMBDA_TELEMETRY_LOG_FD;
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Standard output is cut into events at line feeds, so those within a message become carriage returns. */
function emitLine(_level, _date, text) {
  process.stdout.write(`${text.replace(/\n/g, '\r')}\n`);
}

/** One frame: type, length, time in microseconds, message; all numbers big-endian. */
function emitFrame(descriptor, json, level, date, text) {
  const messageBytes = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(frameHeadBytes + messageBytes);
  frame.writeUInt32BE(((json ? jsonFrame : textFrame) | level.frameBits) >>> 0, 0);
  frame.writeUInt32BE(messageBytes, 4);
  frame.writeBigUInt64BE(BigInt(date.getTime()) * 1000n, 8);
  frame.write(text, frameHeadBytes);
  writeWhole(descriptor, frame);
}

function writeWhole(descriptor, bytes) {
  let written = 0;
  let attempts = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      if (error.code !== 'EAGAIN' || attempts === fullPipeAttemptsMax) throw error;
      attempts += 1;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, fullPipeWaitMs);
    }
  }
}

function formatRecord(timestamp, level, requestId, tenantId, message, params) {
  const record = { timestamp, level, requestId };
  if (tenantId) record.tenantId = tenantId;
  if (params.length === 0) {
    record.message = message;
    try {
      return JSON.stringify(record, (_key, value) => (value instanceof Error ? errorMembers(value) : value));
    } catch {
      record.message = format(message);
      return JSON.stringify(record);
    }
  }
  record.message = format(message, ...params);
  const error = [message, ...params].find((param) => param instanceof Error);
  if (error !== undefined) {
    const { errorType, errorMessage, stackTrace } = errorMembers(error);
    Object.assign(record, { errorType, errorMessage, stackTrace: stackTrace || [] });
  }
  return JSON.stringify(record);
}

function errorMembers(error) {
  return {
    errorType: (error.constructor && error.constructor.name) || 'UnknownError',
    errorMessage: error.message,
    stackTrace: typeof error.stack === 'string' ? error.stack.split('\n') : error.stack,
    ...error,
  };
}

module.exports = { patchConsole };
