#include "transport/storage/formats/npy/npy_content.hpp"

#include <algorithm>
#include <utility>

#include "transport/storage/formats/npy/npy_header.hpp"
#include "transport/storage/formats/npy/npy_literal.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

namespace {

constexpr std::uint64_t npy_rows_bytes = std::uint64_t{1} << 18U;

/// Returns the product of the extents behind the first one.
std::uint64_t npy_elements_of_row(const NpyPart& part) {
  std::uint64_t count = 1;
  for (std::size_t at = 1; at < part.extents().size(); ++at) {
    count *= part.extents()[at];
  }
  return count;
}

/// Appends the literal of a field.
void append_npy_field(std::string& description, const std::string& name, const NpyPart& part) {
  description.append(description.size() == 1 ? "(" : ", (");
  append_npy_literal(description, name);
  description.append(", '").append(part.description()).append("'");
  if (part.extents().size() > 1) {
    description.append(", (");
    for (std::size_t at = 1; at < part.extents().size(); ++at) {
      description.append(std::to_string(part.extents()[at])).append(",");
    }
    description.append(")");
  }
  description.append(")");
}

Error no_npy_column(const std::string& name, const std::string& reason) {
  return Error(Errc::type_mismatch, "member " + quoted_name(name) +
                                        " cannot be a field of a structured array: " + reason +
                                        "; save the members as .npz");
}

}  // namespace

Result<NpyContent> NpyContent::of(const Record& value, bool columns) {
  if (value.kind() == Record::Kind::members) {
    return columns
               ? of_columns(value)
               : Error(
                     Errc::type_mismatch,
                     "values under names are not one array; save them as .npz, or, if all are arrays of one "
                     "length, give the option columns = true, which makes them a structured array");
  }
  auto part = NpyPart::of(value);
  if (!part) {
    return part.error();
  }
  NpyContent content;
  content.data_bytes_ = part->element_bytes();
  for (const std::uint64_t extent : part->extents()) {
    if (__builtin_mul_overflow(content.data_bytes_, extent, &content.data_bytes_)) {
      return Error(Errc::invalid_argument, "the array has more than 2^64 bytes; save parts of it");
    }
  }
  std::string description;
  append_npy_literal(description, part->description());
  content.header_ = npy_header_text(description, part->is_fortran(), part->extents());
  content.parts_.push_back(std::move(*part));
  return content;
}

Result<NpyContent> NpyContent::of_columns(const Record& value) {
  NpyContent content;
  content.is_structured_ = true;
  std::string description = "[";
  for (const auto& [name, member] : value.members()) {
    if (name.empty() || !is_utf8(name)) {
      return no_npy_column(name, "its name is empty or not UTF-8");
    }
    auto part = NpyPart::of(member);
    if (!part) {
      return no_npy_column(name, part.error().text());
    }
    if (part->extents().empty()) {
      return no_npy_column(name, "it is one value");
    }
    if (!content.parts_.empty() && part->extents()[0] != content.rows_) {
      return no_npy_column(name, "it has " + std::to_string(part->extents()[0]) +
                                     " elements, the first one " + std::to_string(content.rows_));
    }
    if (auto packed = part->pack(); !packed) {
      return packed.error();
    }
    content.rows_ = part->extents()[0];
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(npy_elements_of_row(*part), part->element_bytes(), &bytes) ||
        __builtin_add_overflow(content.row_bytes_, bytes, &content.row_bytes_)) {
      return no_npy_column(name, "its rows have more than 2^64 bytes");
    }
    append_npy_field(description, name, *part);
    content.parts_.push_back(std::move(*part));
  }
  if (content.parts_.empty()) {
    return Error(Errc::type_mismatch, "there are no members to save as the fields of a structured array");
  }
  if (__builtin_mul_overflow(content.row_bytes_, content.rows_, &content.data_bytes_)) {
    return Error(Errc::invalid_argument, "the members have more than 2^64 bytes; save parts of them");
  }
  description.append("]");
  content.header_ = npy_header_text(description, false, std::span(&content.rows_, 1));
  return content;
}

Result<void> NpyContent::write(const NpySink& sink) const {
  if (auto written = sink(std::as_bytes(std::span(header_))); !written) {
    return written;
  }
  return is_structured_ ? write_rows(sink) : parts_.front().write(sink);
}

Result<void> NpyContent::write_rows(const NpySink& sink) const {
  if (data_bytes_ == 0) {
    return {};
  }
  const std::uint64_t at_once = std::max<std::uint64_t>(npy_rows_bytes / row_bytes_, 1);
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min(at_once, rows_) * row_bytes_));
  for (std::uint64_t row = 0; row < rows_; row += at_once) {
    const std::uint64_t count = std::min(at_once, rows_ - row);
    std::byte* field = piece.data();
    for (const NpyPart& part : parts_) {
      const std::uint64_t elements = npy_elements_of_row(part);
      for (std::uint64_t at = 0; elements != 1 && at < count; ++at) {
        part.copy((row + at) * elements, elements, field + at * row_bytes_, part.element_bytes());
      }
      if (elements == 1) {
        part.copy(row, count, field, row_bytes_);
      }
      field += elements * part.element_bytes();
    }
    if (auto written = sink(std::span(piece).first(static_cast<std::size_t>(count * row_bytes_))); !written) {
      return written;
    }
  }
  return {};
}

}  // namespace locum::storage
