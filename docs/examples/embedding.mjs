// An embedding in JavaScript, and a server through which embedding-conformance tests it. See docs/protocol.md.
//
//     pytest --pyargs embedding_conformance --embedding "command:node docs/examples/embedding.mjs" --embedding-profile smoke

import { createInterface } from "node:readline";

// -- The implementation under test: a table in row-major order, which knows nothing of the protocol. ------------------

class OutOfRange extends Error {}

class Embedding {
  constructor(rows, columns, weight, paddingRow, frozen) {
    Object.assign(this, { rows, columns, weight, paddingRow, frozen, gradient: null });
  }

  lookUp(positions) {
    this.check(positions);
    const output = new this.weight.constructor(positions.length * this.columns);
    positions.forEach((row, i) => output.set(this.row(this.weight, row), i * this.columns)); // copies bits, NaN's too
    return output;
  }

  sendBack(positions, upstream) {
    this.check(positions);
    this.gradient ??= new this.weight.constructor(this.weight.length);
    positions.forEach((row, i) => {
      if (row === this.paddingRow) return;
      const sums = this.row(this.gradient, row);
      for (let k = 0; k < this.columns; k++) sums[k] += upstream[i * this.columns + k];
    });
  }

  check(positions) {
    const wrong = positions.find((row) => !(row >= 0 && row < this.rows));
    if (wrong !== undefined) throw new OutOfRange(`index ${wrong} is not one of ${this.rows} rows`);
  }

  row(table, row) {
    return table.subarray(row * this.columns, (row + 1) * this.columns);
  }
}

// -- Values of the protocol. ------------------------------------------------------------------------------------------

const ARRAYS = { float32: Float32Array, float64: Float64Array, int32: Int32Array, int64: BigInt64Array };

class Refused extends Error {
  constructor(family, kind, message) {
    super(message);
    Object.assign(this, { family, kind });
  }
}

class Unsupported extends Error {}

function numbers({ tensor: [dtype, , data] }) {
  return new ARRAYS[dtype](new Uint8Array(Buffer.from(data, "base64")).buffer);
}

function tensor(dtype, shape, array) {
  return { tensor: [dtype, shape, Buffer.from(array.buffer).toString("base64")] };
}

function positions(index) {
  const [dtype] = index.tensor;
  if (dtype !== "int32" && dtype !== "int64") throw new Refused("type", "TypeError", `an index of ${dtype}`);
  return Array.from(numbers(index), Number);
}

// -- The server: what is asked of it, in the implementation's own words. ----------------------------------------------

const UNSUPPORTED = {
  max_norm: "rows are not renormalised",
  scale_grad_by_freq: "the gradient is a plain sum",
  sparse: "the gradient is dense",
};

const adapter = {
  describe: () => ({
    type: "Description",
    name: "example.Embedding",
    version: "1.0",
    dtypes: ["float32", "float64"],
    unsupported: Object.entries(UNSUPPORTED).map(([name, reason]) => (
      { type: "Declared", features: { [name]: true }, reason }
    )),
  }),

  make({ config, weight, device, via = "assignment" }) {
    for (const [name, reason] of Object.entries(UNSUPPORTED)) {
      if (config[name] !== undefined) throw new Unsupported(reason); // a default is never sent
    }
    if (weight === null || via !== "assignment" || device !== "cpu") throw new Unsupported("a weight on the CPU is given");
    const { num_embeddings: rows, embedding_dim: columns, padding_idx: padding = null, freeze = false } = config;
    if (padding !== null && !(padding >= -rows && padding < rows)) {
      throw new Refused("value", "RangeError", `padding_idx ${padding} is not one of ${rows} rows`);
    }
    const paddingRow = padding === null || padding >= 0 ? padding : padding + rows;
    return new Instance(weight.tensor[0], new Embedding(rows, columns, numbers(weight), paddingRow, freeze));
  },
};

class Instance {
  constructor(dtype, embedding) {
    Object.assign(this, { dtype, embedding });
  }

  forward({ lookup: { index }, no_grad = false, index_device = null }) {
    if (index_device !== null) throw new Unsupported("an index is where the weight is");
    const output = this.output(index);
    const requires_grad = !this.embedding.frozen && !no_grad;
    return { type: "Forward", output, requires_grad, device: "cpu", index_after: index };
  }

  gradient({ lookups }) {
    if (this.embedding.frozen) throw new Refused("runtime", "Error", "the weight is frozen");
    const outputs = lookups.map(({ index, upstream }) => {
      const output = this.output(index);
      this.embedding.sendBack(positions(index), numbers(upstream));
      return output;
    });
    return { type: "Backward", outputs, gradient: this.embedding.gradient && this.dense(this.embedding.gradient) };
  }

  weight() {
    return this.table(this.embedding.weight);
  }

  output(index) {
    const shape = [...index.tensor[1], this.embedding.columns];
    return tensor(this.dtype, shape, this.embedding.lookUp(positions(index)));
  }

  dense(gradient) {
    const values = this.table(gradient);
    return { type: "Gradient", layout: "dense", shape: values.tensor[1], device: "cpu", values };
  }

  table(array) {
    return tensor(this.dtype, [this.embedding.rows, this.embedding.columns], array);
  }
}

const VERBS = { adapter: ["describe", "make"], instance: ["forward", "gradient", "weight"] };
const instances = new Map();

function answer({ id, verb, on, arguments: given }) {
  if (!VERBS[on === 0 ? "adapter" : "instance"].includes(verb)) return { unsupported: `there is no ${verb}` };
  try {
    const result = (on === 0 ? adapter : instances.get(on))[verb](given);
    if (verb !== "make") return { result };
    instances.set(id, result);
    return { instance: id };
  } catch (error) {
    const { message } = error;
    if (error instanceof OutOfRange) return { refused: { family: "index", kind: "OutOfRange", message } };
    if (error instanceof Refused) return { refused: { family: error.family, kind: error.kind, message } };
    if (error instanceof Unsupported) return { unsupported: message };
    return { error: error.stack }; // the server is wrong, not the embedding
  }
}

console.log = console.error; // standard output is the protocol's

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  request.forget.forEach((number) => instances.delete(number));
  process.stdout.write(`${JSON.stringify({ id: request.id, ...answer(request) })}\n`);
}
