#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/record.hpp"
#include "core/value/extents.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

// Members of metadata. `member` is a path in them: `codecs/0/configuration`; empty: the whole.

/// Returns `corrupt`, or `unsupported`: "member 'shape' is no list". \param reason "is no list"
[[nodiscard]] Error wrong_zarr_member(std::string_view member, std::string_view reason);
[[nodiscard]] Error unsupported_zarr_member(std::string_view member, std::string_view reason);

/// Reads and writes a text of JSON, with the literals NaN and Infinity of Python's module json.
[[nodiscard]] Result<Record> read_zarr_json(std::string_view text, std::string_view file);
[[nodiscard]] Result<std::string> zarr_json_text_of(const Record& value);

/// Returns a member that has to exist. `corrupt` if there is none. \param member path of the object
[[nodiscard]] Result<Record> zarr_member_of(const Record& object, std::string_view name,
                                            std::string_view member);
/// `corrupt` unless the value is an object. `unsupported` if it has other members than the known ones;
/// `may_ignore`: but for objects with `"must_understand": false`.
[[nodiscard]] Result<void> check_zarr_members(const Record& object, std::span<const std::string_view> known,
                                              std::string_view member, bool may_ignore = false);
/// Checks the member `zarr_format`.
[[nodiscard]] Result<void> check_zarr_format(const Record& object, int version);
/// Returns attributes; null becomes none. `corrupt` if they are no object.
[[nodiscard]] Result<Record> zarr_attributes_of(const Record& attributes, std::string_view member);

/// Returns the extents in a list of integers; each at least `least`.
[[nodiscard]] Result<Extents> zarr_extents_of(const Record& list, std::string_view member,
                                              std::uint64_t least);
[[nodiscard]] Record zarr_list_of(const Extents& extents);
/// Returns the bytes of an array, extents of 0 left out. `unsupported` from 2^63 on.
[[nodiscard]] Result<std::uint64_t> zarr_bytes_of(const Extents& extents, std::size_t element_bytes,
                                                  std::string_view member);

/// An extension of version 3: `{"name": "gzip", "configuration": {"level": 1}}`, or its name alone.
struct ZarrExtension {
  std::string name;
  Record configuration;  ///< members; maybe none
};
[[nodiscard]] Result<ZarrExtension> zarr_extension_of(const Record& described, std::string_view member);
[[nodiscard]] Record zarr_extension_record(std::string_view name, Record configuration);

}  // namespace locum::storage
