/** The shape of the generated tables: AWS's service model, reduced to what routing and validation need. */

export type MemberLocation = 'uri' | 'querystring' | 'header' | 'statusCode';

export interface MemberModel {
  readonly shape: string;
  readonly location?: MemberLocation;
  readonly locationName?: string;
}

export interface Shape {
  readonly type: string;
  readonly members?: Readonly<Record<string, MemberModel>>;
  readonly required?: readonly string[];
  /** Shape of a list's members. */
  readonly member?: string;
  /** Shapes of a map's keys and values. */
  readonly key?: string;
  readonly value?: string;
  readonly enum?: readonly string[];
  /** Length of strings, lists and blobs; value of numbers. */
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  /** The member that is the whole HTTP body. */
  readonly payload?: string;
  readonly streaming?: boolean;
  readonly eventstream?: boolean;
  readonly sensitive?: boolean;
}

export interface OperationModel {
  readonly name: string;
  readonly method: string;
  /** Path template with `{Label}`s. */
  readonly path: string;
  /** Fixed query parameter that tells this operation from another on the same path, such as `List=ALL`. */
  readonly query?: string;
  readonly status: number;
  readonly input: string;
  readonly output?: string;
  readonly errors: readonly string[];
}
