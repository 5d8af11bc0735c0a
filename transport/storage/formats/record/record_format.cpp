// Files of one stored Record (core/record_archive.hpp), of every kind of value exactly. Little-endian:
//
//   16 bytes  "locum.record 1\n", and a 0
//    8 bytes  length of the stored Record
//    4 bytes  its CRC-32C
//    4 bytes  CRC-32C of the 28 bytes in front of this
//   32 bytes  zeros: elements of arrays are aligned in a file as they are in the Record
//             the stored Record

#include "transport/storage/formats/record/record_format.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/checksum.hpp"
#include "core/detail/representation.hpp"
#include "core/ports/backend.hpp"
#include "core/record_archive.hpp"
#include "transport/storage/formats/text/format_call.hpp"

namespace locum::storage {

namespace {

constexpr std::array<std::string_view, 1> record_endings{".record"};
constexpr std::size_t record_head_bytes = 64;
constexpr std::size_t record_summed_bytes = 28;
constexpr std::array<char, 16> record_magic{'l', 'o', 'c', 'u', 'm', '.', 'r',  'e',
                                            'c', 'o', 'r', 'd', ' ', '1', '\n', '\0'};
constexpr std::string_view record_kind{record_magic.data(), 13};  // without the version

using RecordHead = std::array<std::byte, record_head_bytes>;

struct RecordHeadValues {
  std::uint64_t size_bytes = 0;
  std::uint32_t sum = 0;
};

RecordHead record_head(const RecordHeadValues& values) {
  RecordHead head{};
  std::memcpy(head.data(), record_magic.data(), record_magic.size());
  std::memcpy(head.data() + 16, &values.size_bytes, sizeof values.size_bytes);
  std::memcpy(head.data() + 24, &values.sum, sizeof values.sum);
  const std::uint32_t own_sum = checksum(std::span(head).first(record_summed_bytes));
  std::memcpy(head.data() + record_summed_bytes, &own_sum, sizeof own_sum);
  return head;
}

bool is_of_record_kind(std::span<const std::byte> bytes) noexcept {
  return bytes.size() >= record_kind.size() &&
         std::memcmp(bytes.data(), record_kind.data(), record_kind.size()) == 0;
}

/// Reads the head of a file of that size.
Result<RecordHeadValues> record_head_of(std::span<const std::byte> bytes, std::uint64_t file_bytes) {
  if (!is_of_record_kind(bytes)) {
    return Error(Errc::corrupt, "at byte 0, the file does not begin as a stored Record does");
  }
  if (bytes.size() < record_head_bytes) {
    return Error(Errc::corrupt, "the file ends within its first 64 bytes; it is incomplete");
  }
  if (std::memcmp(bytes.data(), record_magic.data(), record_magic.size()) != 0) {
    return Error(Errc::unsupported, "the version of this stored Record is unknown to this version of locum");
  }
  RecordHeadValues values;
  std::memcpy(&values.size_bytes, bytes.data() + 16, sizeof values.size_bytes);
  std::memcpy(&values.sum, bytes.data() + 24, sizeof values.sum);
  const RecordHead expected = record_head(values);
  if (!std::ranges::equal(bytes.first(record_head_bytes), expected)) {
    return Error(Errc::corrupt, "the first 64 bytes of the file were changed");
  }
  if (values.size_bytes != file_bytes - record_head_bytes) {
    return Error(Errc::corrupt, "the file has " + std::to_string(file_bytes) + " bytes instead of " +
                                    std::to_string(values.size_bytes) + " and 64; " +
                                    (values.size_bytes > file_bytes ? "it is incomplete" : "it was changed"));
  }
  return values;
}

Error changed_behind_head(std::uint32_t found, std::uint32_t written) {
  std::array<char, 200> text{};
  std::snprintf(
      text.data(), text.size(),
      "the file is damaged: the bytes behind its first 64 have the checksum %08x, and had %08x when "
      "they were written; restore it from a copy",
      found, written);
  return Error(Errc::corrupt, text.data());
}

class RecordFormat final : public Format {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override {
    static const FormatTraits known{
        .name = "record",
        .endings = record_endings,
        .holds = "values of all kinds of a Record, exactly, with a checksum; read by locum alone",
        .options = {}};
    return known;
  }
  [[nodiscard]] bool recognises(std::span<const std::byte> first) const noexcept override {
    return is_of_record_kind(first);
  }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record& /*options*/,
                                    const MakeArray& /*make*/) const override {
    return format_call([&]() -> Result<Record> {
      const auto all = file.in_place();
      const auto head =
          all ? record_head_of(all->bytes, all->bytes.size()) : Result<RecordHeadValues>(all.error());
      if (!head) {
        return head.error();
      }
      const auto stored = all->bytes.subspan(record_head_bytes);
      if (const std::uint32_t found = checksum(stored); found != head->sum) {
        return changed_behind_head(found, head->sum);
      }
      return decode_record(all->owner, stored, {});
    });
  }
  [[nodiscard]] Result<void> save(const Record& value, FileDraft& file,
                                  const Record& /*options*/) const override {
    return format_call([&]() -> Result<void> {
      const auto size = detail::stored_bytes(value);
      if (!size) {
        return size.error();
      }
      const auto memory = record_memory(*size);
      if (!memory) {
        return no_memory_left();
      }
      const std::span<std::byte> stored(memory.get(), static_cast<std::size_t>(*size));
      if (auto done = detail::store_value(value, stored); !done) {
        return done;
      }
      auto done = file.write(record_head({*size, checksum(stored)}));
      return done ? file.write(stored) : done;
    });
  }
  /// Reads the head only.
  [[nodiscard]] Result<Record> info(FileBytes& file, const Record& /*options*/) const override {
    return format_call([&]() -> Result<Record> {
      RecordHead bytes{};
      const auto first = std::span(bytes).first(
          static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), file.size_bytes())));
      if (auto read = file.read(0, first); !read) {
        return read.error();
      }
      const auto head = record_head_of(first, file.size_bytes());
      return head ? Result<Record>(Record::members({{"size_bytes", head->size_bytes}})) : head.error();
    });
  }
};

}  // namespace

std::shared_ptr<const Format> record_format() {
  return std::make_shared<const RecordFormat>();
}

}  // namespace locum::storage
