/** As rehearsed.mjs, of the older kind. */
'use strict';
exports.handler = async (event) => ({ event });
