#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "transport/storage/codecs/bytes_codec.hpp"
#include "transport/storage/codecs/codec_description.hpp"

namespace locum::storage {

/// What the source of a codec tells about it.
struct CodecTraits {
  /// Whether version 3 specifies it. Else numcodecs has it: version 3 then calls it `numcodecs.`, and the
  /// name of version 2, and has the members of version 2.
  bool is_in_v3 = false;
  /// The members whose values a program's text gives without their names, in this order.
  std::vector<std::string_view> positional;
  std::string_view form;  ///< how a program writes it, for errors: `zstd(level, checksum=true)`
  Result<std::unique_ptr<BytesCodec>> (*make)(const CodecDescription& description) = nullptr;
};

/// A codec of this library, as CMakeLists.txt lists it.
struct KnownCodec {
  std::string_view name;     ///< of version 2 and of programs' texts; version 3 see CodecTraits::is_in_v3
  std::string_view option;   ///< of CMake, if it is not in this build; else empty
  std::string_view package;  ///< that this option needs
  const CodecTraits* traits = nullptr;  ///< null: it is not in this build
};

/// Returns all codecs, by their names. CMake writes this function (locum_codec() in CMakeLists.txt).
[[nodiscard]] const std::vector<KnownCodec>& known_codecs();

}  // namespace locum::storage
