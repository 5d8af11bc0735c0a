#include "core/fortran/text_lists.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "core/fortran/outcome.hpp"

namespace locum::fortran {

namespace {

constexpr const char* record_type = "locum.record";
// What core/record_archive.hpp has of a stored Record.
constexpr unsigned char record_version = 1;
constexpr unsigned char text_tag = 7;
constexpr unsigned char list_tag = 10;

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
  *into++ = is_text ? text_tag : list_tag;
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

// Reads lists into an array, as write_list() writes them: gets the values of a Record one after another. An
// item of depth 1 is an element of the last dimension of Fortran, which is the first of C.
class TextReader {
 public:
  TextReader(const locum_box& box, const CFI_cdesc_t& into) noexcept : box_(box), into_(into) {}

  static locum_status visit(const locum_record_item* item, void* reader) {
    auto& self = *static_cast<TextReader*>(reader);
    self.status_ = self.take(*item, static_cast<int>(item->depth));
    return self.status_ == LOCUM_OK ? LOCUM_OK : LOCUM_CANCELLED;  // ends the visits
  }
  // Why the visits ended before the last one.
  [[nodiscard]] locum_status status() const noexcept { return status_; }

 private:
  // A dimension: which of its elements are read, and to where.
  struct Level {
    std::uint64_t next = 0;  // the element that comes next
    std::uint64_t start = 0;
    std::uint64_t stride = 1;
    std::uint64_t wanted = 0;
    char* to = nullptr;
  };

  locum_status take(const locum_record_item& item, int depth) noexcept {
    if (depth > left_out_) {
      return LOCUM_OK;
    }
    left_out_ = CFI_MAX_RANK;
    char* to = static_cast<char*>(into_.base_addr);
    if (depth > 0) {
      Level& outer = levels_[static_cast<std::size_t>(depth - 1)];
      const std::uint64_t at = outer.next++;
      if (at < outer.start || (at - outer.start) % outer.stride != 0 ||
          (at - outer.start) / outer.stride >= outer.wanted) {
        left_out_ = depth;
        return LOCUM_OK;
      }
      to = outer.to +
           static_cast<CFI_index_t>((at - outer.start) / outer.stride) * into_.dim[into_.rank - depth].sm;
    }
    return depth == into_.rank ? take_text(item, to) : begin_list(item, depth, to);
  }

  locum_status take_text(const locum_record_item& item, char* to) const noexcept {
    if (item.kind == LOCUM_RECORD_NULL) {
      return refuse(LOCUM_TYPE_MISMATCH,
                    "one of the texts is missing (null); of a table, options='missing=[]' loads empty fields "
                    "as texts");
    }
    if (item.kind != LOCUM_RECORD_VALUE || item.value.type != LOCUM_CHAR || item.value.rank != 1) {
      return no_such_texts();
    }
    return copy_text(
        {static_cast<const char*>(item.value.data), static_cast<std::size_t>(item.value.extents[0])}, to,
        into_.elem_len);
  }

  locum_status begin_list(const locum_record_item& item, int depth, char* to) noexcept {
    if (item.kind != LOCUM_RECORD_LIST) {
      return no_such_texts();
    }
    const bool is_whole = box_.rank == 0;
    const int dimension = into_.rank - 1 - depth;
    Level& level = levels_[static_cast<std::size_t>(depth)];
    level.next = 0;
    level.start = is_whole ? 0 : static_cast<std::uint64_t>(box_.start[depth]);
    level.stride = is_whole ? 1 : static_cast<std::uint64_t>(box_.stride[depth]);
    level.wanted = static_cast<std::uint64_t>(into_.dim[dimension].extent);
    level.to = to;
    const std::uint64_t count = item.count;
    const bool has_all =
        is_whole ? count == level.wanted
                 : static_cast<std::uint64_t>(box_.count[depth]) == level.wanted && level.start <= count &&
                       (level.wanted == 0 || (level.start < count &&
                                              level.wanted - 1 <= (count - 1 - level.start) / level.stride));
    return has_all
               ? LOCUM_OK
               : refuse(
                     LOCUM_INVALID_ARGUMENT,
                     "dimension %d of the texts has %llu elements, and the call asks for %llu from %llu on; "
                     "give an array of the shape of what is read",
                     dimension + 1, static_cast<unsigned long long>(count),
                     static_cast<unsigned long long>(level.wanted),
                     static_cast<unsigned long long>(level.start) + 1);
  }

  const locum_box& box_;
  const CFI_cdesc_t& into_;
  std::array<Level, CFI_MAX_RANK> levels_{};
  int left_out_ = CFI_MAX_RANK;  // values below this depth are those of an element that is not read
  locum_status status_ = LOCUM_OK;
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
    *memory = record_version;
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
  TextReader reader(box, into);
  const locum_status ended =
      locum_record_each(&record, static_cast<std::uint32_t>(into.rank), TextReader::visit, &reader);
  return reader.status() != LOCUM_OK ? reader.status() : outcome(ended);
}

}  // namespace locum::fortran
