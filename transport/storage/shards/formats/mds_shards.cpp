#include "transport/storage/shards/formats/mds_shards.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/base/unless_out_of_memory.hpp"
#include "core/ports/backend.hpp"
#include "transport/storage/codecs/bytes_codec.hpp"
#include "transport/storage/codecs/codec_bytes.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/shards/formats/foreign_file.hpp"
#include "transport/storage/shards/formats/mds_index.hpp"
#include "transport/storage/shards/no_shards.hpp"

namespace locum::storage {

namespace {

constexpr std::string_view mds_index_name = "index.json";
constexpr std::uint64_t longest_mds_index = std::uint64_t{256} << 20U;

/// The bytes of a shard in memory.
class MdsBytes final : public PlainBytes {
 public:
  MdsBytes(std::shared_ptr<const void> owner, std::span<const std::byte> bytes)
      : owner_(std::move(owner)), bytes_(bytes) {}

  [[nodiscard]] Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) override {
    const auto left =
        bytes_.subspan(static_cast<std::size_t>(std::min<std::uint64_t>(offset, bytes_.size())));
    const auto piece = left.first(std::min(left.size(), into.size()));
    std::ranges::copy(piece, into.begin());
    return piece.size();
  }

 private:
  const std::shared_ptr<const void> owner_;
  const std::span<const std::byte> bytes_;
};

class MdsOpenShard final : public OpenShard {
 public:
  MdsOpenShard(ForeignFile file, std::shared_ptr<const MdsIndex> index, const MdsShard& shard)
      : file_(std::move(file)), index_(std::move(index)), shard_(shard) {}

  /// Reads and checks where samples begin.
  [[nodiscard]] Result<void> read_offsets();

  [[nodiscard]] std::uint64_t count() const noexcept override { return shard_.samples; }
  [[nodiscard]] Result<StoredSample> sample(std::uint64_t number, Deadline /*deadline*/) const override {
    const std::uint32_t begin = offsets_[static_cast<std::size_t>(number)];
    const auto bytes = file_.read(begin, offsets_[static_cast<std::size_t>(number) + 1] - begin);
    auto record = bytes ? format_call([&] { return decode(*bytes); }) : bytes.error();
    if (!record) {
      return file_.wrong(number, record.error());
    }
    return StoredSample{.owner = {}, .bytes = {}, .record = std::move(*record)};
  }

 private:
  [[nodiscard]] Result<Record> decode(std::span<const std::byte> bytes) const;

  const ForeignFile file_;
  const std::shared_ptr<const MdsIndex> index_;  ///< has the shard
  const MdsShard& shard_;
  std::vector<std::uint32_t> offsets_;
};

Result<void> MdsOpenShard::read_offsets() {
  return guarded([&]() -> Result<void> {
    const std::uint64_t begin = 4 * (shard_.samples + 2);
    if (shard_.raw.bytes < begin) {
      return Error(Errc::corrupt, "a shard of " + std::to_string(shard_.samples) + " samples has " +
                                      std::to_string(shard_.raw.bytes) + " bytes, fewer than their offsets");
    }
    offsets_.resize(static_cast<std::size_t>(shard_.samples) + 2);
    const auto got = file_.plain().read(0, std::as_writable_bytes(std::span(offsets_)));
    if (!got || *got != begin) {
      return got ? Error(Errc::corrupt, "the file ends within the offsets of its samples") : got.error();
    }
    if (offsets_.front() != shard_.samples) {
      return Error(Errc::corrupt, "at byte 0: the file has " + std::to_string(offsets_.front()) +
                                      " samples, and the index says " + std::to_string(shard_.samples));
    }
    offsets_.erase(offsets_.begin());
    const bool is_right =
        offsets_.front() >= begin && std::ranges::is_sorted(offsets_) && offsets_.back() == shard_.raw.bytes;
    return is_right
               ? file_.check_unchanged()
               : Error(Errc::corrupt,
                       "the offsets of the samples do not ascend from behind them to the end of the file");
  });
}

Result<Record> MdsOpenShard::decode(std::span<const std::byte> bytes) const {
  const auto short_sample = [&] {
    return Error(Errc::corrupt,
                 "the sizes of its columns do not fit its " + std::to_string(bytes.size()) + " bytes");
  };
  std::vector<std::uint64_t> sizes;
  std::size_t at = 0;
  std::uint64_t need = 0;
  for (const MdsColumn& column : shard_.columns) {
    std::uint64_t size = column.bytes;
    if (size == 0) {
      if (bytes.size() - at < 4) {
        return short_sample();
      }
      size = little_endian_u32(bytes.subspan(at).first<4>());
      at += 4;
    }
    sizes.push_back(size);
    need += size;
  }
  if (need != bytes.size() - at) {
    return short_sample();
  }
  RecordMembers members;
  for (std::size_t number = 0; number < sizes.size(); ++number) {
    const MdsColumn& column = shard_.columns[number];
    const auto size = static_cast<std::size_t>(sizes[number]);
    auto value = mds_value(column, bytes.subspan(at, size));
    if (!value) {
      return Error(value.error().code(), "column " + quoted_name(column.name) + ": " + value.error().text(),
                   value.error().detail());
    }
    members.set(column.name, std::move(*value));
    at += size;
  }
  return Record(std::move(members));
}

class MdsShards final : public ShardSource {
 public:
  MdsShards(std::shared_ptr<FileArea> area, std::string folder, std::shared_ptr<SharedParts> parts)
      : area_(std::move(area)), folder_(std::move(folder)), parts_(std::move(parts)) {}

  [[nodiscard]] std::string_view type() const noexcept override { return {}; }
  /// Returns the index as it is now.
  [[nodiscard]] Result<std::shared_ptr<const MdsIndex>> current() LOCUM_EXCLUDES(mutex_);

  [[nodiscard]] Result<std::vector<std::string>> keys(const std::string& after, std::size_t most,
                                                      Deadline /*deadline*/) override {
    const auto all = current();
    if (!all) {
      return all.error();
    }
    std::vector<std::string> keys;
    for (auto at = (*all)->upper_bound(after); at != (*all)->end() && keys.size() < most; ++at) {
      keys.push_back(at->first);
    }
    return keys;
  }
  [[nodiscard]] Result<std::vector<ShardFacts>> index(Deadline /*deadline*/) override {
    const auto all = current();
    if (!all) {
      return all.error();
    }
    std::vector<ShardFacts> facts;
    for (const auto& [key, shard] : **all) {
      facts.push_back({key, shard.samples, shard.zip ? shard.zip->bytes : shard.raw.bytes});
    }
    return facts;
  }
  [[nodiscard]] Result<std::shared_ptr<const OpenShard>> open(const std::string& key,
                                                              Deadline deadline) override;
  [[nodiscard]] Result<std::unique_ptr<ShardDraft>> create(const std::string& /*key*/) override {
    return only_read();
  }
  [[nodiscard]] Result<bool> remove(const std::string& /*key*/, Deadline /*deadline*/) override {
    return only_read();
  }

 private:
  [[nodiscard]] std::string path_of(std::string_view name) const {
    return folder_.empty() ? std::string(name) : folder_ + '/' + std::string(name);
  }
  [[nodiscard]] Error only_read() const {
    return Error(Errc::unsupported,
                 "shards of MosaicML Streaming are only read; write shards of the format 'msgpack', or of "
                 "this library")
        .about(folder_);
  }
  [[nodiscard]] Result<ForeignFile> open_file(const MdsShard& shard) const;
  [[nodiscard]] Result<std::shared_ptr<PlainBytes>> decompressed(const MdsShard& shard, AreaFile& file) const;

  const std::shared_ptr<FileArea> area_;
  const std::string folder_;
  const std::shared_ptr<SharedParts> parts_;
  Mutex mutex_;
  std::shared_ptr<const MdsIndex> index_ LOCUM_GUARDED_BY(mutex_);
  std::string identity_ LOCUM_GUARDED_BY(mutex_);  ///< of the file of the index
};

Result<std::shared_ptr<const MdsIndex>> MdsShards::current() {
  const std::string path = path_of(mds_index_name);
  const auto file = area_->open(path, {});
  if (!file) {
    return file.error().code() == Errc::not_found
               ? no_shards(*area_, folder_, mds_index_name, "check the name of the folder, and the format")
               : file.error().about(path);
  }
  const AreaFacts& facts = (*file)->facts();
  {
    const MutexLock lock(mutex_);
    if (index_ && !facts.identity.empty() && identity_ == facts.identity) {
      return index_;
    }
  }
  if (facts.size_bytes > longest_mds_index) {
    return Error(Errc::unsupported, "an index of more than 256 MiB is not read; write fewer, larger shards")
        .about(path);
  }
  std::string text(static_cast<std::size_t>(facts.size_bytes), '\0');
  const auto read = (*file)->read(0, std::as_writable_bytes(std::span(text)));
  auto made = read ? read_mds_index(text) : Result<MdsIndex>(read.error());
  if (!made || !(*file)->is_unchanged()) {
    return (made ? Error(Errc::stale, "the file was changed while it was read; try again") : made.error())
        .about(path);
  }
  const auto now = std::make_shared<const MdsIndex>(std::move(*made));
  const MutexLock lock(mutex_);
  index_ = now;
  identity_ = facts.identity;
  return std::shared_ptr<const MdsIndex>(now);
}

Result<std::shared_ptr<PlainBytes>> MdsShards::decompressed(const MdsShard& shard, AreaFile& file) const {
  const std::string name = shard.compression.substr(0, shard.compression.find(':'));
  if (name != "zstd" && name != "gz") {
    return Error(Errc::unsupported,
                 "the shard is compressed with " + quoted_name(shard.compression) + "; zstd and gz are read");
  }
  const auto codec = bytes_codec_of_text(name == "gz" ? "gzip" : name, 1);
  if (!codec) {
    return codec.error();
  }
  // No codec makes more of a byte: an index that lies costs no memory.
  constexpr std::uint64_t most_growth = std::uint64_t{1} << 16U;
  if (shard.raw.bytes / most_growth > file.size_bytes()) {
    return Error(Errc::corrupt, "the index says that " + std::to_string(file.size_bytes()) +
                                    " compressed bytes become " + std::to_string(shard.raw.bytes));
  }
  const auto make = [&](std::span<std::byte> into) -> Result<void> {
    const auto coded = record_memory(file.size_bytes());
    if (!coded) {
      return no_memory_left();
    }
    const std::span<std::byte> bytes(coded.get(), static_cast<std::size_t>(file.size_bytes()));
    auto done = file.read(0, bytes);
    done = done ? (*codec)->decode(bytes, into) : std::move(done);
    return !done || file.is_unchanged()
               ? done
               : Error(Errc::stale, "the file was changed in place while it was read; open the shard again");
  };
  // Where the node does not share it, for whatever reason, this process decompresses it for itself.
  if (parts_ && parts_->shares(shard.raw.bytes) && !file.facts().identity.empty()) {
    const std::string content = area_->name() + '/' + file.facts().identity + "/mds";
    if (const auto shared = parts_->get(content, shard.raw.bytes, make)) {
      return std::shared_ptr<PlainBytes>(std::make_shared<MdsBytes>(shared->owner(), shared->bytes()));
    }
  }
  const auto memory = record_memory(shard.raw.bytes);
  if (!memory) {
    return no_memory_left();
  }
  const std::span<std::byte> bytes(memory.get(), static_cast<std::size_t>(shard.raw.bytes));
  auto done = make(bytes);
  return done ? Result<std::shared_ptr<PlainBytes>>(std::make_shared<MdsBytes>(memory, bytes)) : done.error();
}

Result<ForeignFile> MdsShards::open_file(const MdsShard& shard) const {
  bool is_zip = false;
  std::string path = path_of(shard.raw.name);
  auto opened = area_->open(path, {});
  if (!opened && opened.error().code() == Errc::not_found && shard.zip) {
    is_zip = true;
    path = path_of(shard.zip->name);
    opened = area_->open(path, {});
  }
  if (!opened) {
    return opened.error().about(path);
  }
  const std::shared_ptr<AreaFile> file(std::move(*opened));
  const std::uint64_t expected = is_zip ? shard.zip->bytes : shard.raw.bytes;
  if (file->size_bytes() != expected) {
    return Error(Errc::corrupt, "the file has " + std::to_string(file->size_bytes()) +
                                    " bytes, and the index says " + std::to_string(expected) +
                                    "; it was cut off, or is of another index")
        .about(path);
  }
  if (!is_zip) {
    return ForeignFile(file, nullptr, path);
  }
  auto plain = decompressed(shard, *file);
  return plain ? Result<ForeignFile>(ForeignFile(file, std::move(*plain), path)) : plain.error().about(path);
}

Result<std::shared_ptr<const OpenShard>> MdsShards::open(const std::string& key, Deadline /*deadline*/) {
  const auto all = current();
  if (!all) {
    return all.error();
  }
  const auto found = (*all)->find(key);
  if (found == (*all)->end()) {
    return Error(Errc::not_found, "the index has no shard of that key").about(key);
  }
  const MdsShard& shard = found->second;
  for (const MdsColumn& column : shard.columns) {
    if (auto known = check_mds_column(column); !known) {
      return known.error().about(path_of(shard.raw.name));
    }
  }
  const auto file = open_file(shard);
  if (!file) {
    return file.error();
  }
  const auto opened = std::make_shared<MdsOpenShard>(*file, *all, shard);
  auto read = opened->read_offsets();
  return read ? Result<std::shared_ptr<const OpenShard>>(opened) : file->wrong(read.error());
}

}  // namespace

Result<std::shared_ptr<ShardSource>> mds_shards(std::shared_ptr<FileArea> area, std::string folder,
                                                std::shared_ptr<SharedParts> parts) {
  auto made = std::make_shared<MdsShards>(std::move(area), std::move(folder), std::move(parts));
  const auto index = made->current();
  return index ? Result<std::shared_ptr<ShardSource>>(std::move(made)) : index.error();
}

}  // namespace locum::storage
