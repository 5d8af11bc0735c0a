#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "transport/storage/formats/msgpack/msgpack.hpp"
#include "transport/storage/formats/msgpack/msgpack_bytes.hpp"
#include "transport/storage/formats/msgpack/msgpack_cursor.hpp"
#include "transport/storage/formats/text/format_call.hpp"

namespace locum::storage {

namespace {

constexpr std::array<std::string_view, 2> msgpack_endings{".msgpack", ".mpk"};

std::string_view msgpack_kind_name(MsgpackHead::Kind kind) {
  switch (kind) {
    case MsgpackHead::Kind::nil:
      return "null";
    case MsgpackHead::Kind::boolean:
      return "boolean";
    case MsgpackHead::Kind::with_sign:
    case MsgpackHead::Kind::without_sign:
      return "integer";
    case MsgpackHead::Kind::real:
      return "real";
    case MsgpackHead::Kind::text:
      return "text";
    case MsgpackHead::Kind::bytes:
      return "bytes";
    case MsgpackHead::Kind::list:
      return "list";
    case MsgpackHead::Kind::map:
      return "members";
    case MsgpackHead::Kind::extension:
      return "extension";
    case MsgpackHead::Kind::unknown:
      break;
  }
  return {};
}

class MsgpackFormat final : public Format {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override {
    static const FormatTraits known{
        .name = "msgpack",
        .endings = msgpack_endings,
        .holds = "nested values of all kinds; arrays as the Python package msgpack-numpy writes them",
        .options = {}};
    return known;
  }
  /// Whether they begin a map of a few members whose first name is a short text or bytes.
  [[nodiscard]] bool recognises(std::span<const std::byte> first) const noexcept override {
    if (first.size() < 2) {
      return false;
    }
    const auto map = static_cast<std::uint8_t>(first[0]);
    const auto key = static_cast<std::uint8_t>(first[1]);
    return map >= 0x81 && map <= 0x8F && ((key >= 0xA1 && key <= 0xBF) || key == 0xD9 || key == 0xC4);
  }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record& /*options*/,
                                    const MakeArray& make) const override {
    return format_call([&]() -> Result<Record> {
      const auto bytes = file.in_place();
      return bytes ? msgpack_read(bytes->bytes, make) : bytes.error();
    });
  }
  [[nodiscard]] Result<void> save(const Record& value, FileDraft& file,
                                  const Record& /*options*/) const override {
    return format_call([&] { return msgpack_write(value, file); });
  }
  /// Looks at the first value only.
  [[nodiscard]] Result<Record> info(FileBytes& file, const Record& /*options*/) const override {
    return format_call([&]() -> Result<Record> {
      std::array<std::byte, 16> begin{};
      const auto bytes = std::span(begin).first(std::min<std::uint64_t>(begin.size(), file.size_bytes()));
      if (auto read = file.read(0, bytes); !read) {
        return read.error();
      }
      MsgpackCursor cursor(bytes);
      MsgpackHead head;
      if (!msgpack_read_head(cursor, head) || head.kind == MsgpackHead::Kind::unknown) {
        return Error(Errc::corrupt, "at byte 0: no value of MessagePack begins here");
      }
      Record info =
          Record::members({{"kind", msgpack_kind_name(head.kind)}, {"size_bytes", file.size_bytes()}});
      if (head.kind == MsgpackHead::Kind::list || head.kind == MsgpackHead::Kind::map) {
        info.set("values", Record(head.size));
      }
      return info;
    });
  }
};

}  // namespace

std::shared_ptr<const Format> msgpack_format() {
  return std::make_shared<const MsgpackFormat>();
}

}  // namespace locum::storage
