#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/value/extents_text.hpp"
#include "transport/storage/formats/bytes/bytes.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/formats/text/format_options.hpp"

namespace locum::storage {

namespace {

constexpr std::array<std::string_view, 1> bytes_endings{".bin"};
constexpr std::array<FormatOption, 2> bytes_options{{
    {"type", "for loading: the type of the elements, as 'f32' (u8)"},
    {"extents",
     "for loading: a list of the extents, slowest dimension first; one dimension if it is left out"},
}};

/// The elements of a file.
struct BytesLayout {
  ElementType element;
  Extents extents;
};

Result<Extents> bytes_extents(const Record& given) {
  const Error wrong = wrong_option(
      "extents", "a list of 1 to " + std::to_string(max_rank) + " integers that are not negative");
  const auto list = given.as<std::vector<std::uint64_t>>();
  if (!list || list->empty() || list->size() > max_rank) {
    return wrong;
  }
  Extents extents;
  for (const std::uint64_t extent : *list) {
    if (extent >> 63U != 0) {
      return wrong;
    }
    extents.values[extents.rank++] = extent;
  }
  return extents;
}

Result<BytesLayout> bytes_layout(std::uint64_t size_bytes, const Record& options) {
  const FormatOptions given(options);
  const auto type = given.text("type", "u8");
  if (!type) {
    return type.error();
  }
  auto element = ElementType::named(*type);
  if (!element) {
    return element.error();
  }
  const std::uint64_t count = size_bytes / element->bytes();
  if (size_bytes % element->bytes() != 0) {
    return Error(Errc::corrupt, "the file has " + std::to_string(size_bytes) +
                                    " bytes, which is no multiple of " + std::to_string(element->bytes()) +
                                    ", the size of one " + *type + "; check the option 'type'");
  }
  BytesLayout layout{.element = std::move(*element), .extents = Extents(count)};
  if (!given.has("extents")) {
    return layout;
  }
  const auto extents = bytes_extents(given["extents"]);
  if (!extents) {
    return extents.error();
  }
  if (!extents->has(count)) {
    return Error(Errc::corrupt, "the file has " + std::to_string(count) + " elements of " + *type +
                                    ", which are not " + extents_text(*extents) +
                                    "; check the options 'extents' and 'type'");
  }
  layout.extents = *extents;
  return layout;
}

/// `corrupt` for truth values that are neither 0 nor 1: reading them would be undefined.
Result<void> bytes_check(const ElementType& element, std::span<const std::byte> bytes) {
  const auto* const wrong = element.name() != "bool"
                                ? bytes.data() + bytes.size()
                                : std::find_if(bytes.data(), bytes.data() + bytes.size(),
                                               [](std::byte byte) { return byte > std::byte{1}; });
  if (wrong == bytes.data() + bytes.size()) {
    return {};
  }
  return Error(Errc::corrupt, "at byte " + std::to_string(wrong - bytes.data()) +
                                  ": a truth value is neither 0 nor 1; load the file with the type u8");
}

class BytesFormat final : public Format {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override {
    static const FormatTraits known{
        .name = "bytes",
        .endings = bytes_endings,
        .holds = "the bytes of one array, of bytes or of a text, and nothing else",
        .options = bytes_options};
    return known;
  }
  // Any bytes may be bytes.
  [[nodiscard]] bool recognises(std::span<const std::byte> /*first*/) const noexcept override {
    return false;
  }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record& options,
                                    const MakeArray& make) const override {
    return format_call([&]() -> Result<Record> {
      const auto layout = bytes_layout(file.size_bytes(), options);
      if (!layout) {
        return layout.error();
      }
      return file.is_mapped() ? in_place(file, *layout) : read(file, *layout, make);
    });
  }
  [[nodiscard]] Result<void> save(const Record& value, FileDraft& file,
                                  const Record& /*options*/) const override {
    return format_call([&]() -> Result<void> {
      if (value.kind() == Record::Kind::text) {
        return file.write(std::as_bytes(std::span(value.text())));
      }
      if (value.kind() == Record::Kind::bytes) {
        return file.write(value.bytes());
      }
      if (value.kind() != Record::Kind::array) {
        return Error(Errc::type_mismatch,
                     "a file of bytes holds an array, bytes or a text; save other values as "
                     "msgpack or json");
      }
      const auto packed = value.array().packed();
      return packed ? file.write(packed->bytes()) : packed.error();
    });
  }
  [[nodiscard]] Result<Record> info(FileBytes& file, const Record& options) const override {
    return format_call([&]() -> Result<Record> {
      const auto layout = bytes_layout(file.size_bytes(), options);
      if (!layout) {
        return layout.error();
      }
      Record::List extents;
      for (const std::uint64_t extent : layout->extents.span()) {
        extents.emplace_back(extent);
      }
      return Record::members(
          {{"type", layout->element.name()}, {"extents", Record::list(std::move(extents))}});
    });
  }

 private:
  [[nodiscard]] static Result<Record> in_place(FileBytes& file, const BytesLayout& layout) {
    auto mapped = file.in_place();
    if (!mapped) {
      return mapped.error();
    }
    const ConstRawArray shown(mapped->bytes, layout.element, layout.extents);
    if (!shown.is_valid()) {
      return Error(Errc::corrupt, "the size of the file changed while it was loaded; load it again");
    }
    if (auto checked = bytes_check(layout.element, mapped->bytes); !checked) {
      return checked.error();
    }
    return Record(Array(std::move(mapped->owner), shown));
  }
  [[nodiscard]] static Result<Record> read(FileBytes& file, const BytesLayout& layout,
                                           const MakeArray& make) {
    auto draft = make(layout.element, layout.extents);
    if (!draft) {
      return draft.error();
    }
    if (auto done = file.read(0, draft->bytes()); !done) {
      return done.error();
    }
    if (auto checked = bytes_check(layout.element, draft->bytes()); !checked) {
      return checked.error();
    }
    return Record(std::move(*draft).finish());
  }
};

}  // namespace

std::shared_ptr<const Format> bytes_format() {
  return std::make_shared<const BytesFormat>();
}

}  // namespace locum::storage
