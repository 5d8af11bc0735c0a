#include "transport/storage/formats/npy/npy_load.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "transport/storage/formats/npy/npy_column.hpp"
#include "transport/storage/formats/npy/npy_header.hpp"

namespace locum::storage {

namespace {

/// Bytes that are converted at once: they stay in a cache of the processor.
constexpr std::uint64_t npy_piece_bytes = std::uint64_t{1} << 18U;

NpyShape npy_shape_of(const NpyHeader& header) {
  return {header.extents, header.is_fortran ? header.extents.size() : 0};
}

/// Returns the elements of a mapped file where they are; no array if they have to be converted or moved.
Result<Array> show_npy_in_place(FileBytes& file, const NpyHeader& header) {
  const NpyType& type = header.type;
  if (!file.is_mapped() || type.kind != NpyType::Kind::number || type.is_swapped || header.data_bytes == 0) {
    return Array();
  }
  auto mapped = file.in_place();
  if (!mapped) {
    return mapped.error();
  }
  if (mapped->bytes.size() < header.bytes || mapped->bytes.size() - header.bytes < header.data_bytes) {
    return Error(Errc::corrupt, "at byte " + std::to_string(header.bytes) +
                                    ": the file became shorter while it was loaded; load it again");
  }
  const std::byte* const first = mapped->bytes.data() + header.bytes;
  if (reinterpret_cast<std::uintptr_t>(first) % type.part_bytes != 0) {
    return Array();
  }
  if (type.name == "bool") {
    if (auto checked = check_npy_bools({first, static_cast<std::size_t>(header.data_bytes)}, 0); !checked) {
      return checked.error();
    }
  }
  return npy_array_over(std::move(mapped->owner), first, type.element, npy_shape_of(header));
}

/// Reads numbers straight to the memory of the array.
Result<Record> load_npy_numbers(FileBytes& file, const NpyHeader& header, const MakeArray& make) {
  auto column = NpyArrayColumn::make(header.type, header.type.element, npy_shape_of(header), make);
  if (!column) {
    return column.error();
  }
  const std::span<std::byte> memory = (*column)->memory();
  const std::uint64_t piece =
      (*column)->is_raw() ? std::max<std::uint64_t>(memory.size(), 1) : npy_piece_bytes;
  for (std::uint64_t at = 0; at < memory.size(); at += piece) {
    const std::uint64_t bytes = std::min<std::uint64_t>(piece, memory.size() - at);
    if (auto read = file.read(header.bytes + at, memory.subspan(at, bytes)); !read) {
      return read.error();
    }
    if (auto settled = (*column)->settle(bytes); !settled) {
      return settled.error();
    }
  }
  return (*column)->finish();
}

/// Reads other elements in pieces, and gives them to a column.
Result<Record> load_npy_elements(FileBytes& file, const NpyHeader& header, const NpyOptions& options,
                                 const MakeArray& make) {
  std::uint64_t budget = file.size_bytes();
  auto column = make_npy_column(header.type, npy_shape_of(header), budget, options, make);
  if (!column) {
    return column.error();
  }
  const std::uint64_t element_bytes = header.type.bytes;
  const std::uint64_t at_once =
      std::clamp<std::uint64_t>(npy_piece_bytes / std::max<std::uint64_t>(element_bytes, 1), 1,
                                std::max<std::uint64_t>(header.elements, 1));
  std::vector<std::byte> piece(
      static_cast<std::size_t>(header.data_bytes == 0 ? 0 : at_once * element_bytes));
  for (std::uint64_t done = 0; done < header.elements; done += at_once) {
    const std::uint64_t count = std::min(at_once, header.elements - done);
    const auto bytes = std::span(piece).first(static_cast<std::size_t>(count * element_bytes));
    if (auto read = file.read(header.bytes + done * element_bytes, bytes); !read) {
      return read.error();
    }
    if (auto taken = (*column)->take(piece.data(), element_bytes, count); !taken) {
      return taken.error();
    }
  }
  return (*column)->finish();
}

Record npy_info_of(const NpyType& type, const std::vector<std::uint64_t>& extents) {
  if (type.kind == NpyType::Kind::fields) {
    Record fields = Record::members({});
    for (const NpyField& field : type.fields) {
      std::vector<std::uint64_t> all = extents;
      all.insert(all.end(), field.extents.begin(), field.extents.end());
      fields.set(field.name, npy_info_of(field.type, all));
    }
    return fields;
  }
  return Record::members(
      {{"type", type.name}, {"extents", Record::list(Record::List(extents.begin(), extents.end()))}});
}

}  // namespace

Result<NpyLoaded> load_npy(FileBytes& file, const NpyOptions& options, const MakeArray& make) {
  const auto header = read_npy_header(file);
  if (!header) {
    return header.error();
  }
  auto shown = show_npy_in_place(file, *header);
  if (!shown) {
    return shown.error();
  }
  if (*shown) {
    return NpyLoaded{std::move(*shown), true};
  }
  auto loaded = header->type.kind == NpyType::Kind::number ? load_npy_numbers(file, *header, make)
                                                           : load_npy_elements(file, *header, options, make);
  return loaded ? Result<NpyLoaded>(NpyLoaded{std::move(*loaded), false}) : loaded.error();
}

Result<Record> npy_info(FileBytes& file) {
  const auto header = read_npy_header(file);
  return header ? npy_info_of(header->type, header->extents) : Result<Record>(header.error());
}

}  // namespace locum::storage
