#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace locum {

/// A value that is encoded already, by the caller: what `serialize` of its type or a codec would have
/// written. A `get<Mesh>` with that codec reads it. Refers to the texts and bytes.
struct EncodedValue {
  std::string_view type;        ///< canonical name (see TypeName), without a codec: `mesh`, `map<char[],i32>`
  std::string_view codec = {};  ///< name of the codec; empty: locum's own encoding
  std::span<const std::byte> bytes = {};
};

/// Memory for a value that the caller encodes there, without a copy: what an EncodedValue is before its bytes
/// are known. Refers to the texts.
struct EncodedMemory {
  std::string_view type;        ///< as in EncodedValue
  std::string_view codec = {};  ///< as in EncodedValue
  std::uint64_t size_bytes = 0;
};

}  // namespace locum
