#include "transport/storage/formats/npy/npy_header.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/value/extents.hpp"
#include "transport/storage/formats/npy/npy_literal.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"

namespace locum::storage {

namespace {

constexpr std::uint64_t npy_most_header_bytes = std::uint64_t{1} << 20U;
constexpr std::size_t npy_alignment = 64;

Error no_npy_header(std::string_view reason) {
  return Error(Errc::corrupt, "at byte 0: " + std::string(reason) + "; the file is damaged, or no .npy file");
}

/// The text of a header, and where it is in the file.
struct NpyHeaderText {
  std::string text;
  std::uint64_t at = 0;
  bool is_utf8 = false;
};

Result<NpyHeaderText> read_npy_header_text(FileBytes& file) {
  std::array<std::byte, 12> first{};
  const std::uint64_t size = file.size_bytes();
  if (size < 10) {
    return no_npy_header("the file has " + std::to_string(size) +
                         " bytes, fewer than the 10 that begin each");
  }
  if (auto read = file.read(0, std::span(first).first(10)); !read) {
    return read.error();
  }
  if (!std::ranges::equal(std::as_bytes(std::span(npy_magic)), std::span(first).first(npy_magic.size()))) {
    return no_npy_header("the file does not begin with '\\x93NUMPY'");
  }
  const auto number = [&first](std::size_t at) { return std::to_integer<std::uint32_t>(first[at]); };
  const std::uint32_t major = number(6);
  if (major < 1 || major > 3 || number(7) != 0) {
    return Error(Errc::unsupported, "at byte 6: the file is of version " + std::to_string(major) + "." +
                                        std::to_string(number(7)) +
                                        " of the format; versions 1.0, 2.0 and 3.0 can be read");
  }
  NpyHeaderText header{.text = {}, .at = 10, .is_utf8 = major == 3};
  std::uint64_t length = number(8) | number(9) << 8U;
  if (major > 1) {
    header.at = 12;
    if (size < 12) {
      return no_npy_header("the file ends in the length of its header");
    }
    if (auto read = file.read(10, std::span(first).subspan(10)); !read) {
      return read.error();
    }
    length |= static_cast<std::uint64_t>(number(10)) << 16U | static_cast<std::uint64_t>(number(11)) << 24U;
  }
  if (length > size - header.at) {
    return Error(Errc::corrupt, "at byte 8: the header has " + std::to_string(length) + " bytes, but only " +
                                    std::to_string(size - header.at) + " follow; the file was cut off");
  }
  if (length > npy_most_header_bytes) {
    return Error(Errc::unsupported, "at byte 8: the header has " + std::to_string(length) +
                                        " bytes; at most 1 MiB is read; give the array fewer fields");
  }
  header.text.resize(static_cast<std::size_t>(length));
  if (auto read = file.read(header.at, std::as_writable_bytes(std::span(header.text))); !read) {
    return read.error();
  }
  return header;
}

/// The values of the dict of a header.
struct NpyDict {
  const NpyLiteral* description = nullptr;
  const NpyLiteral* is_fortran = nullptr;
  const NpyLiteral* extents = nullptr;
};

Result<NpyDict> npy_dict_of(const NpyLiteral& literal) {
  NpyDict dict;
  const std::array<std::pair<std::string_view, const NpyLiteral**>, 3> places{
      {{"descr", &dict.description}, {"fortran_order", &dict.is_fortran}, {"shape", &dict.extents}}};
  bool is_right = literal.kind == NpyLiteral::Kind::dict && literal.items.size() == 2 * places.size();
  for (std::size_t at = 0; is_right && at < literal.items.size(); at += 2) {
    const NpyLiteral& key = literal.items[at];
    const auto* const place =
        std::ranges::find(places, std::string_view(key.text), [](const auto& one) { return one.first; });
    is_right = key.kind == NpyLiteral::Kind::text && place != places.end() && *place->second == nullptr;
    if (is_right) {
      *place->second = &literal.items[at + 1];
    }
  }
  is_right = is_right && dict.is_fortran->kind == NpyLiteral::Kind::boolean;
  if (!is_right) {
    return Error(Errc::corrupt,
                 "at byte " + std::to_string(literal.at) +
                     ": the header is no dict of 'descr', 'fortran_order' and 'shape'; the file "
                     "is damaged, or no .npy file");
  }
  return dict;
}

std::size_t npy_rank_in(const NpyType& type) {
  std::size_t rank = 0;
  for (const NpyField& field : type.fields) {
    rank = std::max(rank, field.extents.size() + npy_rank_in(field.type));
  }
  return rank;
}

}  // namespace

Result<NpyHeader> read_npy_header(FileBytes& file) {
  const auto text = read_npy_header_text(file);
  if (!text) {
    return text.error();
  }
  const auto literal = parse_npy_literal(text->text, text->at, text->is_utf8);
  if (!literal) {
    return literal.error();
  }
  const auto dict = npy_dict_of(*literal);
  if (!dict) {
    return dict.error();
  }
  NpyHeader header;
  header.bytes = text->at + text->text.size();
  header.is_fortran = dict->is_fortran->boolean;
  auto extents = npy_extents_of(*dict->extents);
  if (!extents) {
    return extents.error();
  }
  header.extents = std::move(*extents);
  auto type = npy_type_of(*dict->description);
  if (!type) {
    return type.error();
  }
  header.type = std::move(*type);
  if (const std::size_t rank = header.extents.size() + npy_rank_in(header.type); rank > max_rank) {
    return Error(Errc::unsupported, "at byte " + std::to_string(dict->extents->at) + ": the array has " +
                                        std::to_string(rank) + " dimensions; arrays here have at most " +
                                        std::to_string(max_rank) + "; reshape it before you save it");
  }
  const auto elements = npy_product(header.extents, 1);
  if (!elements) {
    return elements.error();
  }
  const auto data_bytes = npy_product(header.extents, header.type.bytes);
  if (!data_bytes) {
    return data_bytes.error();
  }
  header.elements = *elements;
  header.data_bytes = *data_bytes;
  if (const std::uint64_t left = file.size_bytes() - header.bytes;
      header.type.name != "object" && header.data_bytes > left) {
    return Error(Errc::corrupt, "at byte " + std::to_string(header.bytes) + ": the elements need " +
                                    std::to_string(header.data_bytes) + " bytes, but only " +
                                    std::to_string(left) + " follow; the file was cut off");
  }
  return header;
}

std::string npy_header_text(std::string_view description, bool is_fortran,
                            std::span<const std::uint64_t> extents) {
  // In Latin-1, as long as that has all characters.
  std::string dict = "{'descr': ";
  bool is_latin1 = true;
  for (std::string_view left = description; !left.empty();) {
    const char32_t character = take_code_point(left).value_or(U' ');
    is_latin1 = is_latin1 && character < 0x100;
    dict.push_back(static_cast<char>(static_cast<unsigned char>(character)));
  }
  if (!is_latin1) {
    dict = std::string("{'descr': ").append(description);
  }
  dict.append(", 'fortran_order': ").append(is_fortran ? "True" : "False").append(", 'shape': (");
  for (std::size_t at = 0; at < extents.size(); ++at) {
    dict.append(at == 0 ? "" : " ").append(std::to_string(extents[at]));
    dict.append(at + 1 < extents.size() || extents.size() == 1 ? "," : "");
  }
  dict.append("), }");

  const auto text_of = [&dict](char version, std::size_t length_bytes) {
    const std::size_t before = npy_magic.size() + 2 + length_bytes;
    const std::size_t unpadded = before + dict.size() + 1;
    const std::size_t whole = (unpadded + npy_alignment - 1) / npy_alignment * npy_alignment;
    std::string text(npy_magic);
    text.append({version, '\0'});
    for (std::size_t at = 0, length = whole - before; at < length_bytes; ++at, length >>= 8U) {
      text.push_back(static_cast<char>(static_cast<unsigned char>(length & 0xFFU)));
    }
    return text.append(dict).append(whole - unpadded, ' ').append("\n");
  };
  constexpr std::size_t most_of_version_1 = 65535;
  if (!is_latin1) {
    return text_of(3, 4);
  }
  return dict.size() + npy_alignment > most_of_version_1 ? text_of(2, 4) : text_of(1, 2);
}

}  // namespace locum::storage
