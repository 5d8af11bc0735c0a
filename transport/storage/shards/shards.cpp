#include "transport/storage/shards/shards.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <limits>
#include <utility>

#include "core/url.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/files/state.hpp"
#include "transport/storage/shards/formats/foreign_shards.hpp"
#include "transport/storage/shards/read_only_shards.hpp"
#include "transport/storage/shards/shard_folder.hpp"
#include "transport/storage/shards/shard_key.hpp"
#include "transport/storage/shards/temporary_folder.hpp"

namespace locum {

namespace {

constexpr std::array<std::string_view, 4> foreign_formats{"msgpack", "jsonl", "mds", "webdataset"};
constexpr std::size_t keys_at_once = 4096;
constexpr std::uint64_t smallest_block = std::uint64_t{1} << 10U;
constexpr std::uint64_t largest_block = std::uint64_t{1} << 30U;

Result<storage::ShardForm> form_of(const detail::SampleLayout& sample, const ShardLayout& layout) {
  if (layout.block_bytes < smallest_block || layout.block_bytes > largest_block) {
    return Error(Errc::invalid_argument, "a block of a shard has 1 KiB to 1 GiB, and not " +
                                             std::to_string(layout.block_bytes) + " bytes");
  }
  storage::ShardForm form{.type = std::string(sample.type),
                          .alignment = sample.alignment,
                          .sample_bytes = sample.sample_bytes,
                          // What is only read says itself how it is coded; this build may lack the default.
                          .codec_text = std::string(layout.is_read_only ? "" : layout.codec),
                          .codec = {},
                          .block_bytes = layout.block_bytes};
  if (std::max(form.type.size(), form.codec_text.size()) > std::numeric_limits<std::uint16_t>::max()) {
    return Error(Errc::invalid_argument,
                 "the name of the samples' type, or the text of the codec, is too long");
  }
  if (!form.codec_text.empty()) {
    auto codec = storage::bytes_codec_of_text(form.codec_text, 1, 3);
    if (!codec) {
      return codec.error();
    }
    form.codec = std::move(*codec);
  }
  return form;
}

Result<std::shared_ptr<ShardSource>> folder_of_shards(std::shared_ptr<storage::FileArea> area,
                                                      std::string folder, const detail::SampleLayout& sample,
                                                      const ShardLayout& layout,
                                                      std::shared_ptr<storage::SharedParts> parts) {
  auto form = form_of(sample, layout);
  if (!form) {
    return form.error();
  }
  std::shared_ptr<ShardSource> made = std::make_shared<storage::ShardFolder>(
      std::move(area), std::move(folder), std::move(*form), std::move(parts), !layout.is_read_only);
  return layout.is_read_only ? std::make_shared<storage::ReadOnlyShards>(std::move(made)) : std::move(made);
}

/// Opens the shards of another program in an area.
Result<std::shared_ptr<ShardSource>> foreign(std::shared_ptr<storage::FileArea> area, std::string_view format,
                                             bool is_read_only) {
  auto made = storage::open_foreign_shards(std::move(area), {}, format);
  return made && is_read_only ? Result<std::shared_ptr<ShardSource>>(
                                    std::make_shared<storage::ReadOnlyShards>(std::move(*made)))
                              : made;
}

/// Opens the area of a URL, in which a folder is made by who writes.
Result<std::shared_ptr<storage::FileArea>> area_at(const std::string& url) {
  try {
    return Files(url, {.make_folder = false}).state()->area({});
  } catch (const Error& error) {
    return error;
  }
}

}  // namespace

void ShardKeys::Iterator::list(const std::string& after) {
  page_ = source_->keys(after, keys_at_once, {}).value();
  at_ = 0;
  is_last_ = page_.size() < keys_at_once;
}

namespace detail {

Result<std::shared_ptr<ShardSource>> shards_in_files(const Files& files, std::string_view folder,
                                                     const SampleLayout& sample, const ShardLayout& layout) {
  auto area = files.state()->area({});
  auto path = area ? storage::area_path(folder, (*area)->name()) : Result<std::string>(area.error());
  return path ? folder_of_shards(std::move(*area), std::move(*path), sample, layout,
                                 storage::parts_of_shards(files.state()->session(), files.state()->store()))
              : path.error();
}

Result<std::shared_ptr<ShardSource>> shards_in_store(const Store& store, const SampleLayout& sample,
                                                     const ShardLayout& layout) {
  return folder_of_shards(storage::area_of_store(store), {}, sample, layout, {});
}

Result<std::shared_ptr<ShardSource>> foreign_shards(const Files& files, std::string_view folder,
                                                    std::string_view format) {
  auto area = files.state()->area({});
  auto path = area ? storage::area_path(folder, (*area)->name()) : Result<std::string>(area.error());
  return path ? storage::open_foreign_shards(std::move(*area), std::move(*path), format,
                                             files.state()->parts())
              : path.error();
}

Result<std::shared_ptr<ShardSource>> shards_at(std::string_view text, const SampleLayout& sample,
                                               const ShardLayout& given) {
  auto url = parse_url(text);
  if (!url) {
    return url.error();
  }
  ShardLayout layout = given;
  while (!url->wrappers.empty() && url->wrappers.front() == "readonly") {
    url->wrappers.erase(url->wrappers.begin());
    layout.is_read_only = true;
  }
  Result<std::shared_ptr<ShardSource>> made(nullptr);
  if (url->scheme == "tmp" && url->wrappers.empty()) {
    auto folder = storage::TemporaryFolder::make();
    auto area = folder ? area_at("file://" + folder->path() + "?sync=0")
                       : Result<std::shared_ptr<storage::FileArea>>(folder.error());
    made = area ? folder_of_shards(std::move(*area), {}, sample, layout, {})
                : Result<std::shared_ptr<ShardSource>>(area.error());
    if (made) {
      // The shards go before the folder.
      struct Kept {
        storage::TemporaryFolder folder;
        std::shared_ptr<ShardSource> shards;
      };
      const auto kept = std::make_shared<Kept>(Kept{std::move(*folder), std::move(*made)});
      made = std::shared_ptr<ShardSource>(kept, kept->shards.get());
    }
  } else {
    std::string format;
    if (!url->wrappers.empty() &&
        std::ranges::find(foreign_formats, url->wrappers.front()) != foreign_formats.end()) {
      format = url->wrappers.front();
      url->wrappers.erase(url->wrappers.begin());
    }
    const ShardLayout usual;
    if (!format.empty() && (layout.codec != usual.codec || layout.block_bytes != usual.block_bytes)) {
      return Error(Errc::invalid_argument,
                   "shards of the format " + format +
                       " have no codec and no block_bytes to choose; leave these options out");
    }
    auto area = area_at(to_string(*url));
    if (!area && area.error().code() == Errc::unsupported) {
      area =
          Error(Errc::unsupported, area.error().text() +
                                       "; shards may also be at zip: and tmp:, and those of other programs "
                                       "have msgpack+, jsonl+, mds+ or webdataset+ in front");
    }
    made = area && !format.empty() ? foreign(std::move(*area), format, layout.is_read_only)
           : area                  ? folder_of_shards(std::move(*area), {}, sample, layout, {})
                                   : Result<std::shared_ptr<ShardSource>>(area.error());
  }
  return made;
}

Error about_sample(const Error& error, std::uint64_t number, std::string_view key) {
  return Error(error.code(), "sample " + std::to_string(number) + " of the shard: " + error.text(),
               error.detail())
      .about(key);
}

std::string new_shard_key() {
  return storage::new_shard_key();
}

Result<void> check_sample_type(const ShardSource& source, const SampleLayout& sample) {
  if (source.type().empty() ? sample.is_record : source.type() == sample.type) {
    return {};
  }
  return Error(
      Errc::type_mismatch,
      "the samples are " +
          (source.type().empty() ? std::string("Records") : "of the type " + std::string(source.type())) +
          ", and not of the type " + std::string(sample.type) +
          "; open the shards with the type that wrote them");
}

Result<std::uint64_t> samples_of(const Result<std::vector<ShardFacts>>& index) {
  if (!index) {
    return index.error();
  }
  std::uint64_t samples = 0;
  for (const ShardFacts& shard : *index) {
    samples += shard.samples;
  }
  return samples;
}

}  // namespace detail

}  // namespace locum
