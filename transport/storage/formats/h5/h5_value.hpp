#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/record.hpp"
#include "core/value/extents.hpp"
#include "transport/storage/formats/h5/h5_options.hpp"
#include "transport/storage/formats/h5/h5_tree.hpp"
#include "transport/storage/formats/h5/h5_type.hpp"

namespace locum::storage {

/// Throws Error `unsupported` unless elements of this type, or all of its fields, are loaded.
void require_loadable_h5_type(const H5Type& type, const H5Options& options);
/// Counts the memory that values of a type take. Throws Error `corrupt` if the file has too little for them.
void charge_h5_values(const H5Type& type, const std::vector<std::uint64_t>& extents, H5Budget& budget);

/// Turns the bytes of numbers, where their order is another one, and checks truth values (`corrupt`).
void finish_h5_elements(const H5Type& type, std::span<std::byte> elements);
/// Writes floating-point numbers of 16 bits as `f32`. REQUIRES: `into` has twice as many bytes.
void widen_h5_halves(const H5Type& type, std::span<const std::byte> halves, std::span<std::byte> into);
/// Returns an element without extents as a number, where a Record has such numbers; else as it is.
[[nodiscard]] Record h5_scalar(const Array& array);

/// Returns texts as a text, if there are no extents, or as nested lists. REQUIRES: as many as these say.
[[nodiscard]] Record h5_nested_texts(std::vector<std::string> texts,
                                     const std::vector<std::uint64_t>& extents);
/// Returns texts of one length without what fills them.
[[nodiscard]] std::vector<std::string> h5_fixed_texts(const H5Type& type, std::span<const std::byte> bytes);
/// Returns the texts that HDF5 has made; null pointers are empty ones.
[[nodiscard]] std::vector<std::string> h5_made_texts(std::span<const char* const> texts);

/// Returns the extents in the form of an array. REQUIRES: at most `max_rank`.
[[nodiscard]] Extents h5_extents(const std::vector<std::uint64_t>& extents);
/// Returns `type` and `extents`; for fields, these of each.
[[nodiscard]] Record h5_description(const H5Type& type, const std::vector<std::uint64_t>& extents);

}  // namespace locum::storage
