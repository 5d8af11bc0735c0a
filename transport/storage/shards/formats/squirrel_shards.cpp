#include "transport/storage/shards/formats/squirrel_shards.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/unless_out_of_memory.hpp"
#include "core/value/errors.hpp"
#include "transport/storage/formats/msgpack/msgpack_bytes.hpp"
#include "transport/storage/formats/msgpack/msgpack_cursor.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/shards/formats/folder_shards.hpp"
#include "transport/storage/shards/formats/foreign_file.hpp"

namespace locum::storage {

namespace {

constexpr std::size_t stream_piece_bytes = std::size_t{1} << 16U;
constexpr std::string_view stream_blanks = " \t\r\n";
constexpr std::string_view gzip_ending = ".gz";
/// What Python's module gzip takes unless it is told, as Squirrel does not.
constexpr int squirrel_level = 9;

/// A shard without an index: where its samples begin is found when it is opened.
class StreamShard final : public OpenShard {
 public:
  StreamShard(ForeignFile file, bool is_json) : file_(std::move(file)), is_json_(is_json) {}

  /// Reads the shard to its end.
  [[nodiscard]] Result<void> find_samples(Deadline::Clock::time_point moment);

  [[nodiscard]] std::uint64_t count() const noexcept override { return begins_.size() - 1; }
  [[nodiscard]] Result<StoredSample> sample(std::uint64_t number, Deadline /*deadline*/) const override {
    const auto at = static_cast<std::size_t>(number);
    const auto bytes = file_.read(begins_[at], begins_[at + 1] - begins_[at]);
    auto record = bytes ? decode(*bytes) : bytes.error();
    if (!record) {
      return file_.wrong(number, record.error());
    }
    return StoredSample{.owner = {}, .bytes = {}, .record = std::move(*record)};
  }

 private:
  [[nodiscard]] Result<Record> decode(std::span<const std::byte> bytes) const {
    return is_json_ ? record_of_json(bytes)
                    : format_call([&] { return msgpack_read(bytes, make_sample_array); });
  }
  [[nodiscard]] Result<void> begin_sample(std::uint64_t at);
  [[nodiscard]] Result<bool> skip_value(ShardCursor& cursor);
  [[nodiscard]] Result<bool> skip_line(ShardCursor& cursor);

  const ForeignFile file_;
  const bool is_json_;
  std::vector<std::uint64_t> begins_;  ///< and the end of the last one
};

Result<void> StreamShard::begin_sample(std::uint64_t at) {
  if (!begins_.empty() && at - begins_.back() > most_sample_bytes) {
    return Error(Errc::unsupported, "sample " + std::to_string(begins_.size() - 1) + " has " +
                                        std::to_string(at - begins_.back()) +
                                        " bytes; at most 1 GiB is read; write smaller samples");
  }
  if (begins_.size() > most_shard_samples) {
    return Error(Errc::unsupported, "the shard has more than " + std::to_string(most_shard_samples) +
                                        " samples; write several shards");
  }
  begins_.push_back(at);
  return {};
}

// Values within lists and maps are counted, not descended to: no depth costs anything.
Result<bool> StreamShard::skip_value(ShardCursor& cursor) {
  constexpr std::size_t longest_head = 16;
  const std::uint64_t begin = cursor.at();
  const auto short_value = [&] {
    return Error(Errc::corrupt,
                 "sample " + std::to_string(begins_.size() - 1) + ", which begins at byte " +
                     std::to_string(begin) +
                     " of the inflated bytes, does not end; the file was cut off, or is damaged");
  };
  std::uint64_t left = 1;
  for (; left > 0; --left) {
    const auto head_bytes = cursor.peek(longest_head, longest_head);
    if (!head_bytes) {
      return head_bytes.error();
    }
    if (head_bytes->empty() && cursor.at() == begin) {
      return false;
    }
    MsgpackCursor head_cursor(*head_bytes);
    MsgpackHead head;
    if (!msgpack_read_head(head_cursor, head)) {
      return short_value();
    }
    using Kind = MsgpackHead::Kind;
    std::uint64_t inside = 0;
    std::uint64_t skipped = head_cursor.at();
    if (head.kind == Kind::unknown) {
      return Error(Errc::corrupt, "sample " + std::to_string(begins_.size() - 1) + ": at byte " +
                                      std::to_string(cursor.at() - begin) +
                                      " of it, no value of MessagePack begins with the byte 0xC1");
    }
    if (head.kind == Kind::text || head.kind == Kind::bytes || head.kind == Kind::extension) {
      skipped += head.size;
    } else if (head.kind == Kind::list || head.kind == Kind::map) {
      inside = head.size * (head.kind == Kind::map ? 2 : 1);
    }
    // Of each value that is counted a byte has to follow.
    if (__builtin_add_overflow(left, inside, &left)) {
      return short_value();
    }
    const auto is_there = cursor.skip(skipped);
    if (!is_there || !*is_there) {
      return is_there ? short_value() : is_there.error();
    }
  }
  return true;
}

// Blank lines belong to the line before.
Result<bool> StreamShard::skip_line(ShardCursor& cursor) {
  bool is_in_line = false;
  for (bool is_ended = false;;) {
    const auto bytes = cursor.peek(1, stream_piece_bytes);
    if (!bytes) {
      return bytes.error();
    }
    if (bytes->empty()) {
      return is_in_line;
    }
    const std::string_view text = text_of_bytes(*bytes);
    std::size_t used = is_in_line ? 0 : std::min(text.find_first_not_of(stream_blanks), text.size());
    is_in_line = is_in_line || used < text.size();
    if (is_in_line && !is_ended) {
      const std::size_t end = text.find('\n', used);
      is_ended = end != text.npos;
      used = is_ended ? end + 1 : text.size();
    }
    if (is_ended) {
      // The next sample begins at its first letter.
      const std::size_t next = text.find_first_not_of(stream_blanks, used);
      used = std::min(next, text.size());
    }
    if (auto skipped = cursor.skip(used); !skipped) {
      return skipped.error();
    }
    if (is_ended && used < text.size()) {
      return true;
    }
  }
}

Result<void> StreamShard::find_samples(Deadline::Clock::time_point moment) {
  return guarded([&]() -> Result<void> {
    ShardCursor cursor(file_.plain(), stream_piece_bytes, moment);
    for (;;) {
      if (auto begun = begin_sample(cursor.at()); !begun) {
        return begun;
      }
      const auto has_more = is_json_ ? skip_line(cursor) : skip_value(cursor);
      if (!has_more) {
        return has_more.error();
      }
      if (!*has_more) {
        break;
      }
    }
    begins_.shrink_to_fit();
    return file_.check_unchanged();
  });
}

/// Collects the coded bytes of a shard: whether its key is free is known only at the end.
class CodedBytes final : public FileDraft {
 public:
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) override {
    return unless_out_of_memory([&] { all.insert(all.end(), bytes.begin(), bytes.end()); })
               ? Result<void>()
               : no_memory_left();
  }
  [[nodiscard]] Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    std::ranges::copy(bytes, all.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return all.size(); }

  std::vector<std::byte> all;
};

class SquirrelDraft final : public ShardDraft {
 public:
  SquirrelDraft(std::shared_ptr<FileArea> area, UpdatedFile file)
      : area_(std::move(area)), file_(std::move(file)) {}

  [[nodiscard]] Result<void> begin() {
    auto begun = begin_gzip(coded_, squirrel_level);
    if (begun) {
      gzip_ = std::move(*begun);
    }
    return begun ? Result<void>() : begun.error().about(file_.path());
  }

  [[nodiscard]] Result<void> add(const StoredSample& sample) override {
    if (!sample.record || has_ended_) {
      return has_ended_ ? Error(Errc::invalid_argument, "the shard was published, or an error ended it")
                        : Error(Errc::type_mismatch, "samples of these shards are Records");
    }
    auto written = format_call([&] { return msgpack_write(*sample.record, *gzip_); });
    has_ended_ = !written;  // a part of it may be there
    return written ? written : written.error().about(file_.path());
  }

  [[nodiscard]] Result<void> publish(Deadline deadline) override {
    if (std::exchange(has_ended_, true)) {
      return Error(Errc::invalid_argument, "the shard was published, or an error ended it");
    }
    if (auto finished = gzip_->finish(); !finished) {
      return finished;
    }
    if (auto made = file_.folder.empty() ? Result<void>() : area_->make_folders(file_.folder); !made) {
      return made.error().about(file_.folder);  // the lock of an update is in it
    }
    auto done = area_->update(
        file_,
        [&](AreaFile* there, FileDraft& into) -> Result<void> {
          return there == nullptr ? into.write(coded_.all) : shard_key_taken();
        },
        deadline);
    return done ? done : done.error().about(file_.path());
  }

 private:
  const std::shared_ptr<FileArea> area_;
  const UpdatedFile file_;
  CodedBytes coded_;
  std::unique_ptr<GzipDraft> gzip_;
  bool has_ended_ = false;
};

class SquirrelShards final : public FolderShards {
 public:
  SquirrelShards(std::shared_ptr<FileArea> area, std::string folder, SampleStream stream)
      : FolderShards(std::move(area), std::move(folder), endings_of(stream)), stream_(stream) {}

  [[nodiscard]] Result<std::unique_ptr<ShardDraft>> create(const std::string& key) override {
    if (stream_ == SampleStream::jsonl) {
      return only_read();
    }
    if (auto right = check_shard_key(key); !right) {
      return right.error();
    }
    auto draft = std::make_unique<SquirrelDraft>(
        area(), UpdatedFile{.folder = folder(), .name = key + std::string(gzip_ending)});
    auto begun = draft->begin();
    return begun ? Result<std::unique_ptr<ShardDraft>>(std::move(draft)) : begun.error();
  }

  [[nodiscard]] Result<bool> remove(const std::string& key, Deadline /*deadline*/) override {
    if (stream_ == SampleStream::jsonl) {
      return only_read();
    }
    if (!check_shard_key(key)) {
      return false;
    }
    const UpdatedFile file{.folder = folder(), .name = key + std::string(gzip_ending)};
    auto removed = area()->remove(file.path());
    return removed ? removed : removed.error().about(file.path());
  }

 private:
  static std::vector<std::string_view> endings_of(SampleStream stream) {
    return stream == SampleStream::msgpack
               ? std::vector<std::string_view>{gzip_ending}
               : std::vector<std::string_view>{".jsonl.gz", ".jsonl", gzip_ending};
  }

  [[nodiscard]] Error only_read() const override {
    return Error(Errc::unsupported, "lines of JSON are only read; write shards of the format 'msgpack'")
        .about(folder());
  }

  [[nodiscard]] bool is_written() const noexcept override { return stream_ == SampleStream::msgpack; }
  [[nodiscard]] Result<std::shared_ptr<const OpenShard>> open_file(
      const std::string& path, Deadline::Clock::time_point moment) override {
    const bool is_gzip = path.ends_with(gzip_ending);
    auto file = ForeignFile::open(*area(), path, is_gzip);
    if (!file) {
      return file.error();
    }
    bool is_json = !is_gzip || stream_ == SampleStream::jsonl;
    if (!is_json && stream_ == SampleStream::recognised) {
      ShardCursor cursor(file->plain(), stream_piece_bytes, moment);
      const auto first = cursor.peek(1, stream_piece_bytes);
      if (!first) {
        return file->wrong(first.error());
      }
      std::string_view text = text_of_bytes(*first);
      constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
      text.remove_prefix(text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0);
      const std::size_t letter = text.find_first_not_of(stream_blanks);
      is_json = letter != text.npos && (text[letter] == '{' || text[letter] == '[');
    }
    const auto shard = std::make_shared<StreamShard>(*file, is_json);
    auto found = shard->find_samples(moment);
    return found ? Result<std::shared_ptr<const OpenShard>>(shard) : file->wrong(found.error());
  }

  const SampleStream stream_;
};

}  // namespace

std::shared_ptr<ShardSource> squirrel_shards(std::shared_ptr<FileArea> area, std::string folder,
                                             SampleStream stream) {
  return std::make_shared<SquirrelShards>(std::move(area), std::move(folder), stream);
}

}  // namespace locum::storage
