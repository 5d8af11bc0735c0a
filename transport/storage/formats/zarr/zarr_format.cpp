#include "transport/storage/formats/zarr/zarr_format.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <complex>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "transport/storage/files/tree_format.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/formats/text/format_options.hpp"
#include "transport/storage/key_locks.hpp"
#include "transport/storage/zarr/leftover_chunks.hpp"
#include "transport/storage/zarr/zarr_place.hpp"

namespace locum::storage {

namespace {

constexpr std::string_view zarr_data_member = "data";
constexpr std::string_view zarr_attributes_member = "@attributes";
constexpr std::array<std::string_view, 1> zarr_endings{".zarr"};
constexpr std::array<FormatOption, 6> zarr_format_options{
    {{"version", "saving: of the format: 2 or 3 (3)"},
     {"chunks", "saving: the extents of the chunks; about 1 MiB if they are left out"},
     {"shards", "saving: the extents of files of several chunks; each chunk is a file if they are left out"},
     {"codecs",
      "saving: what compresses a chunk: 'zstd(1)' (the default), 'gzip(5), crc32c'; '' for nothing"},
     {"dimensions", "saving: a list of the names of the dimensions"},
     {"attributes", "true loads and saves members: the array as 'data', its attributes as '@attributes'"}}};
constexpr FormatTraits zarr_traits{
    .name = "zarr",
    .endings = zarr_endings,
    .holds = "a folder: one array of Zarr, in compressed chunks",
    .options = zarr_format_options,
};

Result<Extents> zarr_extents_option(const FormatOptions& given, std::string_view name) {
  const auto wrong = [&] { return wrong_option(name, "a list of at most 8 extents, each at least 1"); };
  if (!given.has(name)) {
    return Extents();
  }
  const auto numbers = given[name].as<std::vector<std::int64_t>>();
  if (!numbers || numbers->empty() || numbers->size() > max_rank ||
      std::ranges::any_of(*numbers, [](std::int64_t number) { return number < 1; })) {
    return wrong();
  }
  Extents extents;
  for (const std::int64_t number : *numbers) {
    extents.values[extents.rank++] = static_cast<std::uint64_t>(number);
  }
  return extents;
}

Result<ZarrLayout> zarr_layout_of(const FormatOptions& given, std::string& codecs) {
  const auto version = given.count("version", 3);
  const auto chunks = zarr_extents_option(given, "chunks");
  const auto shards = zarr_extents_option(given, "shards");
  auto text = given.text("codecs", "zstd(1)");
  auto dimensions = given.texts("dimensions", {});
  if (!version || (*version != 2 && *version != 3)) {
    return wrong_option("version", "2 or 3");
  }
  if (!chunks || !shards || !text || !dimensions) {
    return !chunks ? chunks.error() : !shards ? shards.error() : !text ? text.error() : dimensions.error();
  }
  codecs = *std::move(text);
  ZarrLayout layout;
  layout.chunks = *chunks;
  layout.shards = *shards;
  layout.codecs = codecs;
  layout.dimensions = *std::move(dimensions);
  layout.version = static_cast<int>(*version);
  return layout;
}

template <class T>
Result<Array> one_zarr_element(const T& number) {
  return Array::copy_of(ConstRawArray(&number, ElementType::of<T>(), Extents()));
}

Result<Array> zarr_array_of(const Record& value) {
  switch (value.kind()) {
    case Record::Kind::array:
      return value.array();
    case Record::Kind::boolean:
      return one_zarr_element(value.as<bool>().value());
    case Record::Kind::integer: {
      const auto number = value.as<std::int64_t>();
      return number ? one_zarr_element(*number) : one_zarr_element(value.as<std::uint64_t>().value());
    }
    case Record::Kind::real:
      return one_zarr_element(value.as<double>().value());
    case Record::Kind::complex:
      return one_zarr_element(value.as<std::complex<double>>().value());
    default:
      return Error(Errc::type_mismatch, "an array of Zarr holds an array of numbers, or one number");
  }
}

/// Takes what is to be saved apart, with the option `attributes`.
Result<Record> zarr_data_of(const Record& value, Record& attributes) {
  const Record* const data = value.members().find(zarr_data_member);
  const Record* const given = value.members().find(zarr_attributes_member);
  if (data == nullptr || value.size() != (given == nullptr ? 1U : 2U) ||
      (given != nullptr && given->kind() != Record::Kind::members)) {
    return Error(
        Errc::type_mismatch,
        "with attributes = true, save the members 'data' and '@attributes', whose values have names");
  }
  if (given != nullptr) {
    attributes = *given;
  }
  return *data;
}

std::string_view zarr_name_of(const Tree& tree) {
  return std::string_view(tree.path).substr(tree.path.rfind('/') + 1);
}

class ZarrFormat final : public TreeFormat {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override { return zarr_traits; }

 private:
  [[nodiscard]] Result<Record> load_tree(const Tree& tree, const Record& options,
                                         const MakeArray& make) const override {
    return format_call([&]() -> Result<Record> {
      const auto with_attributes = FormatOptions(options).flag("attributes", false);
      if (!with_attributes) {
        return with_attributes.error();
      }
      const ZarrArray array = detail::open_zarr({tree.area, tree.path}, zarr_name_of(tree)).value();
      ArrayDraft draft = make(array.element(), array.shape()).value();
      array.read_to(RawArray(draft.bytes().data(), draft.element(), draft.extents())).value();
      Record read(std::move(draft).finish());
      return *with_attributes ? Record::members({{std::string(zarr_data_member), std::move(read)},
                                                 {std::string(zarr_attributes_member), array.attributes()}})
                              : read;
    });
  }
  [[nodiscard]] Result<void> save_tree(const Record& value, const Tree& tree,
                                       const Record& options) const override {
    return format_call([&]() -> Result<void> {
      const FormatOptions given(options);
      const auto with_attributes = given.flag("attributes", false);
      std::string codecs;
      auto layout = zarr_layout_of(given, codecs);
      if (!layout || !with_attributes) {
        return layout ? with_attributes.error() : layout.error();
      }
      layout->attributes = Record::members({});
      const Record data = *with_attributes ? zarr_data_of(value, layout->attributes).value() : value;
      const Array elements = zarr_array_of(data).value();
      layout->type = elements.element();
      layout->shape = elements.extents();
      const ZarrPlace place{tree.area, tree.path};
      // A save that nobody waits for any more may still write its chunks.
      static KeyLocks& saves = *new KeyLocks();  // of threads that outlive the end of the program, too
      const std::array<RecordKey, 1> key{RecordKey{tree.area->name(), tree.path}};
      const auto alone = saves.take(key, std::chrono::minutes(10));
      if (!alone) {
        return alone.error();
      }
      check_above_zarr(place, zarr_name_of(tree)).value();
      const ZarrArray array = detail::begin_zarr(place, zarr_name_of(tree), *layout).value();
      auto saved = elements.size() != 0 ? array.write(elements.raw()) : Result<void>();
      saved = saved ? detail::finish_zarr(array) : std::move(saved);
      if (!saved) {
        remove_chunks(place);  // an array that is made there later would have these elements
      }
      return saved;
    });
  }
  [[nodiscard]] Result<Record> tree_info(const Tree& tree, const Record& options) const override {
    return format_call([&]() -> Result<Record> {
      if (const auto right = FormatOptions(options).flag("attributes", false); !right) {
        return right.error();
      }
      const ZarrArray array = detail::open_zarr({tree.area, tree.path}, zarr_name_of(tree)).value();
      const auto list = [](const Extents& extents) {
        Record made = Record::list({});
        for (const std::uint64_t extent : extents.span()) {
          made.append(extent);
        }
        return made;
      };
      return Record::members({{"type", array.element().name()},
                              {"extents", list(array.shape())},
                              {"chunks", list(array.chunks())},
                              {"version", array.version()}});
    });
  }
};

}  // namespace

std::shared_ptr<const Format> zarr_format() {
  return std::make_shared<const ZarrFormat>();
}

}  // namespace locum::storage
