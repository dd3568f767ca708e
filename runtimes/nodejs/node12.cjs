/** Where Node 12 starts, which has no `await` at the top level of a module. Written, like all it loads, for Node 12. */

'use strict';

require('./runtime.cjs').run();
