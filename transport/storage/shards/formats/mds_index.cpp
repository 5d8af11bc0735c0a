#include "transport/storage/shards/formats/mds_index.hpp"

#include <limits>
#include <set>
#include <utility>

#include "transport/storage/files/area.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/json/text.hpp"

namespace locum::storage {

namespace {

constexpr std::string_view mds_ending = ".mds";

/// Reads the members of one shard. `place` is its path in the index: `/shards/3`.
class MdsShardReader {
 public:
  MdsShardReader(const Record& described, std::string place)
      : described_(described), place_(std::move(place)) {}

  [[nodiscard]] Result<MdsShard> read() const;

 private:
  [[nodiscard]] Error wrong(std::string_view member, std::string_view reason) const {
    return Error(Errc::corrupt, "member '" + place_ + '/' + std::string(member) + "' " + std::string(reason));
  }
  [[nodiscard]] Result<void> is_known() const;
  [[nodiscard]] Result<MdsFile> file(const std::string& member) const;
  [[nodiscard]] Result<std::vector<MdsColumn>> columns() const;

  const Record& described_;
  const std::string place_;
};

Result<void> MdsShardReader::is_known() const {
  const Record& format = described_["format"];
  const auto version = described_["version"].as<std::uint64_t>();
  if (format.kind() != Record::Kind::text || !version) {
    return wrong(version ? "format" : "version", version ? "is no text" : "is no integer");
  }
  if (format.text() != "mds") {
    return Error(Errc::unsupported, "the shard " + place_ + " is of the format '" +
                                        std::string(format.text().substr(0, 32)) +
                                        "' of Streaming; 'mds' is read: convert it with MDSWriter");
  }
  return *version == 2 ? Result<void>()
                       : Error(Errc::unsupported, "the shard " + place_ + " is of version " +
                                                      std::to_string(*version) + "; version 2 is read");
}

Result<MdsFile> MdsShardReader::file(const std::string& member) const {
  const Record& described = described_[member];
  const auto bytes = described["bytes"].as<std::uint64_t>();
  const Record& name = described["basename"];
  if (!bytes || name.kind() != Record::Kind::text) {
    return wrong(member + (bytes ? "/basename" : "/bytes"), bytes ? "is no text" : "is no number of bytes");
  }
  auto path = area_path(name.text(), {});
  if (!path || path->empty()) {
    return wrong(member + "/basename", "is no path below the folder of the index");
  }
  return MdsFile{.name = std::move(*path), .bytes = *bytes};
}

Result<std::vector<MdsColumn>> MdsShardReader::columns() const {
  const Record& names = described_["column_names"];
  const Record& encodings = described_["column_encodings"];
  const Record& sizes = described_["column_sizes"];
  for (const Record* one : {&names, &encodings, &sizes}) {
    if (one->kind() != Record::Kind::list || one->size() != names.size()) {
      return wrong("column_names", "and its column_encodings and column_sizes are not lists of one length");
    }
  }
  std::set<std::string_view> known;
  std::vector<MdsColumn> columns;
  for (std::size_t at = 0; at < names.size(); ++at) {
    const std::string number = '/' + std::to_string(at);
    if (names[at].kind() != Record::Kind::text || !known.insert(names[at].text()).second) {
      return wrong("column_names" + number, "is no text, or the name of another column, too");
    }
    if (encodings[at].kind() != Record::Kind::text) {
      return wrong("column_encodings" + number, "is no text");
    }
    const auto bytes = sizes[at].is_null() ? Result<std::uint32_t>(0U) : sizes[at].as<std::uint32_t>();
    if (!bytes) {
      return wrong("column_sizes" + number, "is neither null nor a number of bytes");
    }
    columns.push_back({std::string(names[at].text()), std::string(encodings[at].text()), *bytes});
  }
  return columns;
}

Result<MdsShard> MdsShardReader::read() const {
  if (auto known = is_known(); !known) {
    return known.error();
  }
  MdsShard shard;
  auto column_list = columns();
  auto raw = file("raw_data");
  const auto samples = described_["samples"].as<std::uint64_t>();
  if (!column_list || !raw || !samples) {
    return !column_list ? column_list.error() : !raw ? raw.error() : wrong("samples", "is no number");
  }
  shard.columns = std::move(*column_list);
  shard.raw = std::move(*raw);
  shard.samples = *samples;
  // What begins the shard has offsets of 32 bits, one for each sample.
  if (shard.raw.bytes > std::numeric_limits<std::uint32_t>::max() || shard.samples > shard.raw.bytes / 4) {
    return wrong("samples", "or raw_data/bytes is more than the format allows");
  }
  if (!described_["zip_data"].is_null()) {
    auto zip = file("zip_data");
    if (!zip || described_["compression"].kind() != Record::Kind::text) {
      return zip ? wrong("compression", "is no text, beside zip_data") : zip.error();
    }
    shard.zip = std::move(*zip);
    shard.compression = described_["compression"].text();
  }
  return shard;
}

}  // namespace

Result<MdsIndex> read_mds_index(std::string_view json) {
  const auto all = read_json(json);
  if (!all) {
    return all.error();
  }
  return format_call([&]() -> Result<MdsIndex> {
    const auto version = (*all)["version"].as<std::uint64_t>();
    if (!version || (*all)["shards"].kind() != Record::Kind::list) {
      return Error(Errc::corrupt,
                   version ? "member '/shards' is no list" : "member '/version' is no integer");
    }
    if (*version != 2) {
      return Error(Errc::unsupported, "the index is of version " + std::to_string(*version) +
                                          " of Streaming's format; version 2 is read");
    }
    MdsIndex index;
    for (const Record& described : (*all)["shards"].list()) {
      const std::string place = "/shards/" + std::to_string(index.size());
      auto shard = MdsShardReader(described, place).read();
      if (!shard) {
        return shard.error();
      }
      std::string key = shard->raw.name;
      key.resize(key.size() -
                 (key.ends_with(mds_ending) && key.size() > mds_ending.size() ? mds_ending.size() : 0));
      if (!index.emplace(std::move(key), std::move(*shard)).second) {
        return Error(Errc::corrupt, "member '" + place + "' is a second shard of the same file");
      }
    }
    return index;
  });
}

}  // namespace locum::storage
