// Arrays of Zarr by zarrita, a library for JavaScript, which shares no code with zarr-python. Usage: node zarrita_check.mjs write|read FOLDER MODULES, where
// MODULES is the folder into which `npm install zarrita` has put it. Beside each array NAME.zarr is NAME.npy, with its elements.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [what, folder, modules] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(path.join(modules, file)));
const zarr = await load("zarrita/dist/src/index.js");
const { default: FileSystemStore } = await load("@zarrita/storage/dist/src/fs.js");

const TYPES = {
  bool: "b1", int8: "i1", uint8: "u1", int16: "i2", uint16: "u2", int32: "i4", uint32: "u4", int64: "i8", uint64: "u8", float32: "f4", float64: "f8",
};
const VIEWS = {
  b1: Uint8Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array, i8: BigInt64Array, u8: BigUint64Array,
  f4: Float32Array, f8: Float64Array,
};

function readNpy(file) {
  const bytes = fs.readFileSync(file);
  const length = bytes.readUInt16LE(8);
  const header = bytes.subarray(10, 10 + length).toString("latin1");
  const type = /'descr': '[<|=]([a-z]\d+)'/.exec(header)[1];
  if (!header.includes("'fortran_order': False")) throw new Error(`${file}: Fortran order`);
  const shape = /'shape': \(([^)]*)\)/.exec(header)[1].split(",").filter((one) => one.trim()).map(Number);
  const data = bytes.buffer.slice(bytes.byteOffset + 10 + length, bytes.byteOffset + bytes.length);
  return { type, shape, data: type in VIEWS ? new VIEWS[type](data) : null };
}

function writeNpy(file, type, shape, data) {
  const tuple = `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
  let header = `{'descr': '${type.endsWith("1") ? "|" : "<"}${type}', 'fortran_order': False, 'shape': ${tuple}, }`;
  header += " ".repeat(63 - ((10 + header.length) % 64)) + "\n";
  const start = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length & 255, header.length >> 8]);
  fs.writeFileSync(file, Buffer.concat([start, Buffer.from(header, "latin1"), Buffer.from(data.buffer, data.byteOffset, data.byteLength)]));
}

// The elements of what zarrita returns, row by row.
function* elements(result) {
  const { data, shape, stride } = result;
  const at = shape.map(() => 0);
  const count = shape.reduce((product, one) => product * one, 1);
  for (let number = 0; number < count; ++number) {
    const place = at.reduce((sum, one, dimension) => sum + one * stride[dimension], 0);
    yield typeof data.get === "function" ? data.get(place) : data[place];
    for (let dimension = shape.length - 1; dimension >= 0 && ++at[dimension] === shape[dimension]; --dimension) at[dimension] = 0;
  }
}

async function read() {
  let seen = 0;
  let without = 0;
  for (const name of fs.readdirSync(folder).filter((one) => one.endsWith(".zarr")).sort()) {
    const expected = readNpy(path.join(folder, name.replace(/\.zarr$/, ".npy")));
    const metadata = path.join(folder, name, "zarr.json");
    const begins = fs.existsSync(metadata) && /"index_location": *"start"/.test(fs.readFileSync(metadata));
    const array = begins ? {} : await zarr.open(new FileSystemStore(path.join(folder, name)), { kind: "array" }).catch((error) => error);
    // It has no complex numbers, floats of 16 bits with some versions of Node alone, and takes each index for one at the end of its shard.
    if (!(array.dtype in TYPES)) {
      ++without;
      continue;
    }
    const found = await zarr.get(array);
    const whole = typeof found === "object" ? found : { data: [found], shape: [], stride: [] };
    if (whole.shape.join() !== expected.shape.join()) throw new Error(`${name}: ${whole.shape} and not ${expected.shape}`);
    let number = 0;
    for (const one of elements(whole)) {
      const wanted = expected.data[number++];
      if (!Object.is(typeof one === "boolean" ? Number(one) : one, wanted)) throw new Error(`${name}: element ${number - 1} is ${one} and not ${wanted}`);
    }
    ++seen;
  }
  if (seen === 0) throw new Error("no array was read");
  console.log(`zarrita_check.mjs: ${seen} arrays read, ${without} left out that zarrita cannot read`);
}

async function write() {
  let made = 0;
  const bytes = { name: "bytes", configuration: { endian: "little" } };
  const pipelines = [
    [bytes], [bytes, { name: "zstd", configuration: { level: 1 } }],
    [bytes, { name: "blosc", configuration: { cname: "lz4", clevel: 5, shuffle: "shuffle", typesize: 4, blocksize: 0 } }],
    [{ name: "transpose", configuration: { order: "reversed" } }, bytes],
  ];
  for (const [dtype, type] of Object.entries(TYPES)) {
    for (const [shape, chunkShape] of [[[10], [4]], [[7, 9], [4, 6]], [[5, 4, 9], [2, 3, 4]]]) {
      for (const [which, pipeline] of pipelines.entries()) {
        const codecs = structuredClone(pipeline);
        for (const codec of codecs) if (codec.name === "transpose") codec.configuration.order = shape.map((_, at) => shape.length - 1 - at);
        const big = type === "i8" || type === "u8";
        const count = shape.reduce((product, one) => product * one, 1);
        const data = new VIEWS[type](count);
        for (let at = 0; at < count; ++at) data[at] = type === "b1" ? at % 3 === 0 : big ? BigInt((at * 7) % 113) : (at * 7) % 113;
        const name = path.join(folder, `zarrita_${type}_${shape.length}_${which}`);
        const array = await zarr.create(new FileSystemStore(`${name}.zarr`), {
          shape, chunkShape, dtype, codecs, fillValue: type === "b1" ? false : 0, attributes: { unit: "K" },
        });
        const stride = shape.map((_, at) => shape.slice(at + 1).reduce((product, one) => product * one, 1));
        await zarr.set(array, null, { data: type === "b1" ? new zarr.BoolArray(data.buffer) : data, shape, stride });
        writeNpy(`${name}.npy`, type, shape, data);
        ++made;
      }
    }
  }
  console.log(`zarrita_check.mjs: ${made} arrays written`);
}

await (what === "write" ? write() : read());
