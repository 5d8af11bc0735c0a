#include "transport/storage/shards/formats/webdataset_shards.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/shards/formats/folder_shards.hpp"
#include "transport/storage/shards/formats/foreign_file.hpp"
#include "transport/storage/shards/formats/tar_index.hpp"

namespace locum::storage {

namespace {

/// A page of the system: the rest of the page with a header costs nothing more.
constexpr std::size_t tar_header_piece = 4096;
constexpr std::size_t inflated_tar_piece = std::size_t{1} << 16U;

template <std::size_t count>
bool is_one_of(std::string_view name, const std::array<std::string_view, count>& names) {
  return std::ranges::find(names, name) != names.end();
}

/// Returns a field by the last ending of its name, as the decoders do that WebDataset has without others,
/// where that leaves no doubt.
Result<Record> value_of_field(std::string_view name, std::span<const std::byte> bytes) {
  constexpr std::array<std::string_view, 2> json{"json", "jsn"};
  constexpr std::array<std::string_view, 3> texts{"txt", "text", "transcript"};
  constexpr std::array<std::string_view, 4> integers{"cls", "cls2", "index", "inx"};
  const std::string_view ending = name.substr(name.rfind('.') + 1);  // all of it without a dot
  return is_one_of(ending, json)       ? record_of_json(bytes)
         : is_one_of(ending, texts)    ? record_of_text(bytes)
         : is_one_of(ending, integers) ? record_of_digits(bytes)
         : ending == "npy"             ? record_of_npy(bytes)
                                       : Result<Record>(record_of_bytes(bytes));
}

class TarShard final : public OpenShard {
 public:
  TarShard(ForeignFile file, TarIndex index) : file_(std::move(file)), index_(std::move(index)) {}

  [[nodiscard]] std::uint64_t count() const noexcept override { return index_.samples(); }
  [[nodiscard]] Result<StoredSample> sample(std::uint64_t number, Deadline /*deadline*/) const override {
    auto record = format_call([&] { return read(static_cast<std::size_t>(number)); });
    if (!record) {
      return file_.wrong(number, record.error());
    }
    return StoredSample{.owner = {}, .bytes = {}, .record = std::move(*record)};
  }

 private:
  [[nodiscard]] Result<Record> read(std::size_t number) const;

  const ForeignFile file_;
  const TarIndex index_;
};

Result<Record> TarShard::read(std::size_t number) const {
  const auto fields = index_.fields(number);
  // The files of a sample follow each other: with the headers between them they are one piece, unless
  // something large that is no field is between them, too.
  const std::uint64_t begin = fields.front().offset;
  const std::uint64_t span = fields.back().offset + fields.back().bytes - begin;
  std::uint64_t need = 0;
  for (const TarField& field : fields) {
    need += field.bytes + 1024;
  }
  const bool is_one_piece = span <= need + (std::uint64_t{1} << 16U);
  const auto all = is_one_piece ? file_.read(begin, span) : Result<std::vector<std::byte>>(std::in_place);
  if (!all) {
    return all.error();
  }
  RecordMembers members;
  members.set("__key__", Record(index_.key(number)));
  for (const TarField& field : fields) {
    const auto own =
        is_one_piece ? Result<std::vector<std::byte>>(std::in_place) : file_.read(field.offset, field.bytes);
    if (!own) {
      return own.error();
    }
    const auto bytes = is_one_piece ? std::span(*all).subspan(static_cast<std::size_t>(field.offset - begin),
                                                              static_cast<std::size_t>(field.bytes))
                                    : std::span(*own);
    const std::string& name = index_.field_name(field);
    auto value = value_of_field(name, bytes);
    if (!value) {
      return Error(value.error().code(),
                   "field " + quoted_name(name) + " of " + quoted_name(index_.key(number)) + ": " +
                       value.error().text(),
                   value.error().detail());
    }
    members.set(name, std::move(*value));
  }
  return Record(std::move(members));
}

class WebdatasetShards final : public FolderShards {
 public:
  WebdatasetShards(std::shared_ptr<FileArea> area, std::string folder)
      : FolderShards(std::move(area), std::move(folder), {".tar", ".tar.gz", ".tgz"}) {}

 private:
  [[nodiscard]] Error only_read() const override {
    return Error(
               Errc::unsupported,
               "shards of WebDataset are only read; write shards of the format 'msgpack', or of this library")
        .about(folder());
  }
  [[nodiscard]] Result<std::shared_ptr<const OpenShard>> open_file(
      const std::string& path, Deadline::Clock::time_point moment) override {
    const bool is_gzip = !path.ends_with(".tar");
    const auto file = ForeignFile::open(*area(), path, is_gzip);
    if (!file) {
      return file.error();
    }
    auto index = TarIndex::read(file->plain(), is_gzip ? inflated_tar_piece : tar_header_piece, moment);
    auto unchanged = index ? file->check_unchanged() : Result<void>(index.error());
    return unchanged ? Result<std::shared_ptr<const OpenShard>>(
                           std::make_shared<TarShard>(*file, std::move(*index)))
                     : file->wrong(unchanged.error());
  }
};

}  // namespace

std::shared_ptr<ShardSource> webdataset_shards(std::shared_ptr<FileArea> area, std::string folder) {
  return std::make_shared<WebdatasetShards>(std::move(area), std::move(folder));
}

}  // namespace locum::storage
