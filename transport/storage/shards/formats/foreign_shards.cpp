#include "transport/storage/shards/formats/foreign_shards.hpp"

#include <algorithm>
#include <utility>

#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/shards/formats/mds_shards.hpp"
#include "transport/storage/shards/formats/squirrel_shards.hpp"
#include "transport/storage/shards/formats/webdataset_shards.hpp"
#include "transport/storage/shards/no_shards.hpp"

namespace locum::storage {

namespace {

Error no_known_shards(FileArea& area, const std::string& folder) {
  return no_shards(
      area, folder,
      "index.json of MosaicML Streaming, *.tar, *.tar.gz, *.tgz of WebDataset, *.gz of Squirrel, "
      "*.jsonl, *.jsonl.gz",
      "check the name of the folder");
}

/// Returns the name of the format of the shards in a folder, as open_foreign_shards() takes it; "gz" for
/// files of Squirrel, of which each may be one or the other.
Result<std::string_view> recognised_format(FileArea& area, const std::string& folder) {
  const auto entries = area.list(folder);
  if (!entries && entries.error().code() != Errc::not_found) {
    return entries.error().about(folder);
  }
  if (!entries) {
    return no_known_shards(area, folder);
  }
  const auto has = [&](auto... endings) {
    return std::ranges::any_of(*entries, [&](const AreaEntry& entry) {
      return !entry.is_folder && !entry.name.starts_with('.') && (entry.name.ends_with(endings) || ...);
    });
  };
  const auto is_index = [](const AreaEntry& entry) { return !entry.is_folder && entry.name == "index.json"; };
  if (std::ranges::any_of(*entries, is_index)) {
    return std::string_view("mds");
  }
  const bool is_tar = has(".tar", ".tar.gz", ".tgz");
  const auto is_stream = [](const AreaEntry& entry) {
    return !entry.is_folder && !entry.name.starts_with('.') && !entry.name.ends_with(".tar.gz") &&
           (entry.name.ends_with(".gz") || entry.name.ends_with(".jsonl"));
  };
  const bool has_streams = std::ranges::any_of(*entries, is_stream);
  if (is_tar && has_streams) {
    return Error(Errc::invalid_argument,
                 "the folder has archives of tar, and other files of gzip or lines of JSON; name the format: "
                 "webdataset, msgpack or jsonl")
        .about(folder);
  }
  if (is_tar || has_streams) {
    return std::string_view(is_tar ? "webdataset" : "gz");
  }
  if (has(".shard")) {
    return Error(
               Errc::not_found,
               "the folder has shards of locum, and none of other programs; open it as Shards or ShardStore")
        .about(folder);
  }
  return no_known_shards(area, folder);
}

}  // namespace

Result<std::shared_ptr<ShardSource>> open_foreign_shards(std::shared_ptr<FileArea> area, std::string folder,
                                                         std::string_view format,
                                                         std::shared_ptr<SharedParts> parts) {
  const auto name = format.empty() ? recognised_format(*area, folder) : Result<std::string_view>(format);
  if (!name) {
    return name.error();
  }
  if (*name == "mds") {
    return mds_shards(std::move(area), std::move(folder), std::move(parts));
  }
  if (*name == "webdataset") {
    return webdataset_shards(std::move(area), std::move(folder));
  }
  if (*name == "msgpack" || *name == "jsonl" || (*name == "gz" && format.empty())) {
    return squirrel_shards(std::move(area), std::move(folder),
                           *name == "msgpack" ? SampleStream::msgpack
                           : *name == "jsonl" ? SampleStream::jsonl
                                              : SampleStream::recognised);
  }
  return Error(Errc::invalid_argument, "no shards of other programs are of the format " + quoted_name(*name) +
                                           "; there are msgpack, jsonl, mds, webdataset");
}

}  // namespace locum::storage
