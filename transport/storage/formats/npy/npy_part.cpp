#include "transport/storage/formats/npy/npy_part.hpp"

#include <algorithm>
#include <bit>
#include <complex>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/object/copy_runs.hpp"
#include "core/strided_array.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/npy/npy_type.hpp"

namespace locum::storage {

namespace {

constexpr std::uint64_t npy_written_bytes = std::uint64_t{1} << 18U;

/// Makes an array without extents.
template <class T>
Result<NpyPart> npy_part_of_one(const Result<T>& value) {
  if (!value) {
    return value.error();
  }
  auto copy = Array::copy_of(ConstRawArray(&*value, ElementType::of<T>(), Extents()));
  return copy ? NpyPart::of(std::move(*copy)) : copy.error();
}

Result<NpyPart> npy_part_of_integer(const Record& value) {
  const auto number = value.as<std::int64_t>();
  return number ? npy_part_of_one(number) : npy_part_of_one(value.as<std::uint64_t>());
}

/// Returns whether the elements lie side by side with the first index as the fastest one.
bool is_npy_fortran(const Array& array) {
  if (array.is_contiguous() || array.size() == 0) {
    return false;
  }
  std::uint64_t stride = array.element().bytes();
  for (std::size_t at = 0; at < array.extents().size(); ++at) {
    if (array.extents()[at] != 1 && array.stride(at) != static_cast<std::int64_t>(stride)) {
      return false;
    }
    stride *= array.extents()[at];
  }
  return true;
}

/// Writes elements that have gaps between them, in pieces that are packed first.
class NpyGapWriter {
 public:
  explicit NpyGapWriter(const NpySink& sink) : sink_(sink), piece_(npy_written_bytes) {}

  Result<void> write(const detail::StridedBytes& array, std::size_t dimension) {
    std::uint64_t inner = array.element_bytes;  // bytes of one index of this dimension
    for (std::size_t at = dimension + 1; at < array.extents.size(); ++at) {
      inner *= array.extents[at];
    }
    const std::uint64_t at_once = std::max<std::uint64_t>(piece_.size() / inner, 1);
    detail::StridedBytes part = array;
    for (std::uint64_t index = 0; index < array.extents[dimension]; index += at_once) {
      part.extents.values[dimension] = std::min(at_once, array.extents[dimension] - index);
      part.first = array.first + static_cast<std::int64_t>(index) * array.strides[dimension];
      const std::uint64_t bytes = inner * part.extents[dimension];
      if (bytes > piece_.size()) {
        if (auto written = write(part, dimension + 1); !written) {
          return written;
        }
        continue;
      }
      detail::pack(part, piece_.data());
      if (auto written = sink_(std::span(piece_).first(bytes)); !written) {
        return written;
      }
    }
    return {};
  }

 private:
  const NpySink& sink_;
  std::vector<std::byte> piece_;
};

}  // namespace

std::string npy_kind_name(Record::Kind kind) {
  switch (kind) {
    case Record::Kind::null:
      return "null";
    case Record::Kind::boolean:
      return "a boolean";
    case Record::Kind::integer:
      return "an integer";
    case Record::Kind::real:
      return "a real number";
    case Record::Kind::complex:
      return "a complex number";
    case Record::Kind::text:
      return "a text";
    case Record::Kind::bytes:
      return "raw bytes";
    case Record::Kind::array:
      return "an array";
    case Record::Kind::list:
      return "a list";
    case Record::Kind::members:
      return "values under names";
    case Record::Kind::stand_in:
      return "a stand-in for an object";
  }
  return "a value of another kind";
}

Result<NpyPart> NpyPart::of(const Record& value) {
  switch (value.kind()) {
    case Record::Kind::array:
      return of(value.array());
    case Record::Kind::boolean:
      return npy_part_of_one(value.as<bool>());
    case Record::Kind::integer:
      return npy_part_of_integer(value);
    case Record::Kind::real:
      return npy_part_of_one(value.as<double>());
    case Record::Kind::complex:
      return npy_part_of_one(value.as<std::complex<double>>());
    case Record::Kind::text:
      return of(std::vector<const Record*>{&value}, {});
    case Record::Kind::list:
      return npy_part_of_lists(value);
    case Record::Kind::null:
    case Record::Kind::bytes:
    case Record::Kind::members:
    case Record::Kind::stand_in:
      break;
  }
  return Error(Errc::type_mismatch, "NumPy's files hold arrays, numbers and texts, not " +
                                        npy_kind_name(value.kind()) +
                                        "; save several arrays under names as .npz, other values as .json");
}

Result<NpyPart> NpyPart::of(Array array) {
  NpyPart part;
  if (!array) {
    return Error(Errc::invalid_argument, "there is no array to save: the value is empty; give it elements");
  }
  part.description_ = npy_description_of(array.element());
  if (part.description_.empty()) {
    return Error(Errc::type_mismatch, "NumPy has no elements of the type " + array.element().name() +
                                          "; save the members of the class as arrays of numbers, as .npz");
  }
  part.extents_.assign(array.extents().span().begin(), array.extents().span().end());
  part.element_bytes_ = array.element().bytes();
  part.is_fortran_ = is_npy_fortran(array);
  part.array_ = std::move(array);
  return part;
}

Result<NpyPart> NpyPart::of(std::vector<const Record*> texts, std::vector<std::uint64_t> extents) {
  std::uint64_t most = 1;
  for (std::size_t at = 0; at < texts.size(); ++at) {
    std::string_view left = texts[at]->text();
    const bool ends_with_zero = left.ends_with('\0');
    std::uint64_t characters = 0;
    while (take_code_point(left)) {
      ++characters;
    }
    if (ends_with_zero || !left.empty()) {
      return Error(
          Errc::type_mismatch,
          "text " + std::to_string(at) + " (counted from 0) " +
              (left.empty() ? "ends with a zero, which NumPy takes for no part of it" : "is not UTF-8") +
              "; save such values as .json or as arrays of u8");
    }
    most = std::max(most, characters);
  }
  NpyPart part;
  part.description_ = (std::endian::native == std::endian::little ? "<U" : ">U") + std::to_string(most);
  part.extents_ = std::move(extents);
  if (__builtin_mul_overflow(most, 4U, &part.element_bytes_)) {
    return no_memory_left();
  }
  part.texts_ = std::move(texts);
  return part;
}

Result<void> NpyPart::write(const NpySink& sink) const {
  if (array_ && array_.size() == 0) {
    return {};
  }
  if (array_ && (array_.is_contiguous() || is_fortran_)) {
    return sink({array_.data(), static_cast<std::size_t>(array_.size_bytes())});
  }
  if (array_) {
    return NpyGapWriter(sink).write(array_.raw().memory(), 0);
  }
  const std::uint64_t at_once = std::max<std::uint64_t>(npy_written_bytes / element_bytes_, 1);
  std::vector<std::byte> piece;
  for (std::uint64_t done = 0; done < texts_.size(); done += at_once) {
    const std::uint64_t count = std::min<std::uint64_t>(at_once, texts_.size() - done);
    piece.resize(static_cast<std::size_t>(count * element_bytes_));
    copy(done, count, piece.data(), element_bytes_);
    if (auto written = sink(piece); !written) {
      return written;
    }
  }
  return {};
}

Result<void> NpyPart::pack() {
  if (!array_) {
    return {};
  }
  auto packed = array_.packed();
  if (!packed) {
    return packed.error();
  }
  array_ = std::move(*packed);
  is_fortran_ = false;
  return {};
}

void NpyPart::copy(std::uint64_t first, std::uint64_t count, std::byte* into, std::uint64_t stride) const {
  if (array_) {
    const auto run = static_cast<std::int64_t>(element_bytes_);
    copy_runs(into, static_cast<std::int64_t>(stride), array_.data() + first * element_bytes_, run,
              element_bytes_, count);
    return;
  }
  for (std::uint64_t done = 0; done < count; ++done, into += stride) {
    std::string_view left = texts_[static_cast<std::size_t>(first + done)]->text();
    std::byte* at = into;
    for (auto character = take_code_point(left); character; character = take_code_point(left)) {
      const std::uint32_t number = *character;
      std::memcpy(at, &number, sizeof number);
      at += sizeof number;
    }
    std::fill(at, into + element_bytes_, std::byte{0});
  }
}

}  // namespace locum::storage
