#include "core/fortran/text_lists.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "core/fortran/outcome.hpp"
#include "core/fortran/stored_record.hpp"

namespace locum::fortran {

namespace {

constexpr const char* record_type = "locum.record";

// The number of bytes of lists of texts, of the dimensions from `dimension` inwards. Returns false if no
// memory has so many.
bool count_bytes(const CFI_cdesc_t& texts, int dimension, std::uint64_t& bytes) noexcept {
  bytes = 1 + sizeof(std::uint64_t) + texts.elem_len;
  for (int at = 0; at <= dimension; ++at) {
    const auto count = static_cast<std::uint64_t>(texts.dim[at].extent);
    if (__builtin_mul_overflow(bytes, count, &bytes) ||
        __builtin_add_overflow(bytes, 1 + sizeof(std::uint64_t), &bytes)) {
      return false;
    }
  }
  return bytes < SIZE_MAX / 2;
}

// Writes the dimension, the last one of Fortran first, and those within it. Recursive, once a dimension.
unsigned char* write_list(const CFI_cdesc_t& texts, int dimension, const char* from,
                          unsigned char* into) noexcept {
  const bool is_text = dimension < 0;
  const std::uint64_t count =
      is_text ? texts.elem_len : static_cast<std::uint64_t>(texts.dim[dimension].extent);
  *into++ = is_text ? StoredRecord::text_tag : StoredRecord::list_tag;
  std::memcpy(into, &count, sizeof count);
  into += sizeof count;
  if (is_text) {
    std::memcpy(into, from, texts.elem_len);
    return into + texts.elem_len;
  }
  for (std::uint64_t at = 0; at < count; ++at, from += texts.dim[dimension].sm) {
    into = write_list(texts, dimension - 1, from, into);
  }
  return into;
}

locum_status no_such_texts() noexcept {
  return refuse(LOCUM_TYPE_MISMATCH, "this file holds no array of texts of this rank");
}

// Reads lists into an array, as write_list() writes them.
class Reader {
 public:
  Reader(const locum_array& record, const locum_box& box, const CFI_cdesc_t& into) noexcept
      : record_(record.data, static_cast<std::size_t>(record.extents[0])), box_(box), into_(into) {}

  locum_status read(int dimension, char* to) noexcept {
    if (dimension < 0) {
      locum_text text{};
      return record_.is_text() && record_.take_text(text) ? copy_text(text, to, into_.elem_len)
                                                          : no_such_texts();
    }
    std::uint64_t count = 0;
    if (!record_.is_list() || !record_.begin_list(count)) {
      return no_such_texts();
    }
    // Of the box, the dimensions of C: the last one of Fortran is the first.
    const bool is_whole = box_.rank == 0;
    const int place = into_.rank - 1 - dimension;
    const auto start = is_whole ? 0 : static_cast<std::uint64_t>(box_.start[place]);
    const auto stride = is_whole ? 1 : static_cast<std::uint64_t>(box_.stride[place]);
    const auto wanted = static_cast<std::uint64_t>(into_.dim[dimension].extent);
    const bool has_all =
        is_whole ? count == wanted
                 : static_cast<std::uint64_t>(box_.count[place]) == wanted && start <= count &&
                       (wanted == 0 || (start < count && wanted - 1 <= (count - 1 - start) / stride));
    if (!has_all) {
      return refuse(
          LOCUM_INVALID_ARGUMENT,
          "dimension %d of the texts has %llu elements, and the call asks for %llu from %llu on; give an "
          "array of the shape of what is read",
          dimension + 1, static_cast<unsigned long long>(count), static_cast<unsigned long long>(wanted),
          static_cast<unsigned long long>(start) + 1);
    }
    std::uint64_t taken = 0;
    for (std::uint64_t at = 0; at < count; ++at) {
      if (taken < wanted && at == start + taken * stride) {
        const auto status =
            read(dimension - 1, to + static_cast<CFI_index_t>(taken) * into_.dim[dimension].sm);
        if (status != LOCUM_OK) {
          return status;
        }
        ++taken;
      } else if (!record_.skip()) {
        return no_such_texts();
      }
    }
    return LOCUM_OK;
  }

 private:
  StoredRecord record_;
  const locum_box& box_;
  const CFI_cdesc_t& into_;
};

}  // namespace

bool is_array_of_texts(const CFI_cdesc_t& descriptor) noexcept {
  return descriptor.type == CFI_type_char && descriptor.rank > 0;
}

TextList::TextList(const CFI_cdesc_t& texts) noexcept {
  std::uint64_t bytes = 0;
  if (!count_bytes(texts, texts.rank - 1, bytes)) {
    return;
  }
  size_ = static_cast<std::size_t>(bytes) + 1;
  auto* memory = static_cast<unsigned char*>(std::malloc(size_));
  record_.type = LOCUM_ENCODED;
  record_.rank = 1;
  record_.extents[0] = static_cast<std::int64_t>(size_);
  record_.type_name = {record_type, std::strlen(record_type)};
  record_.data = memory;
  if (memory != nullptr) {
    *memory = StoredRecord::version;
    write_list(texts, texts.rank - 1, static_cast<const char*>(texts.base_addr), memory + 1);
  }
}

TextList::~TextList() {
  std::free(record_.data);
}

locum_status TextList::check() const noexcept {
  return record_.data != nullptr ? LOCUM_OK
                                 : refuse(LOCUM_OUT_OF_MEMORY, "no memory for a list of these texts");
}

locum_status copy_text(const locum_text& text, char* into, std::size_t length) noexcept {
  if (text.length > length) {
    return refuse(
        LOCUM_INVALID_ARGUMENT,
        "a text of %zu characters is read into one of %zu, which would cut it; take a longer variable",
        text.length, length);
  }
  std::memcpy(into, text.first, text.length);
  std::memset(into + text.length, ' ', length - text.length);
  return LOCUM_OK;
}

locum_status copy_texts(const locum_array& record, const locum_box& box, const CFI_cdesc_t& into) noexcept {
  return Reader(record, box, into).read(into.rank - 1, static_cast<char*>(into.base_addr));
}

}  // namespace locum::fortran
