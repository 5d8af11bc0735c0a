#include "transport/storage/shards/shard_file.hpp"

#include <algorithm>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/base/unless_out_of_memory.hpp"

namespace locum::storage {

namespace {

/// A first read of the end of a file has the index, unless it has more than some 2700 blocks.
constexpr std::uint64_t first_read_bytes = std::uint64_t{64} << 10U;
/// What is read and decoded together when all of a shard is wanted.
constexpr std::uint64_t segment_bytes = std::uint64_t{4} << 20U;
constexpr std::uint64_t segment_alignment = 64;

constexpr std::uint64_t aligned_segment(std::uint64_t bytes) noexcept {
  return (bytes + segment_alignment - 1) & ~(segment_alignment - 1);
}

/// The end of a shard, as it was read.
struct ShardEnd {
  ShardTrailer trailer;
  std::vector<std::byte> bytes;
};

Result<ShardEnd> read_end(AreaFile& file, std::uint64_t least) {
  const std::uint64_t size = file.size_bytes();
  if (size < shard_header_bytes + shard_trailer_bytes) {
    return Error(Errc::corrupt, "this is no shard: it has " + std::to_string(size) +
                                    " bytes only; give the key of a shard, or write it again");
  }
  ShardEnd end;
  end.bytes.resize(static_cast<std::size_t>(std::min(size, least)));
  if (auto done = file.read(size - end.bytes.size(), end.bytes); !done) {
    return done.error();
  }
  const auto trailer =
      read_shard_trailer(std::span<const std::byte>(end.bytes).last(shard_trailer_bytes), size);
  if (!trailer) {
    return trailer.error();
  }
  end.trailer = *trailer;
  return end;
}

std::shared_ptr<std::byte[]> plain_memory(std::uint64_t bytes) {
  return std::shared_ptr<std::byte[]>(new std::byte[static_cast<std::size_t>(bytes)]);  // aligned to 16
}

}  // namespace

Result<ShardTrailer> ShardFile::trailer_of(AreaFile& file) {
  const auto end = guarded([&] { return read_end(file, shard_trailer_bytes); });
  return end ? Result<ShardTrailer>(end->trailer) : end.error();
}

Result<std::shared_ptr<ShardFile>> ShardFile::open(std::unique_ptr<AreaFile> file, std::string name,
                                                   std::string content, std::shared_ptr<SharedParts> parts) {
  return guarded([&]() -> Result<std::shared_ptr<ShardFile>> {
    auto end = read_end(*file, first_read_bytes);
    if (!end) {
      return end.error();
    }
    const std::uint64_t wanted = end->trailer.index_bytes + shard_trailer_bytes;
    if (wanted > end->bytes.size()) {
      end = read_end(*file, wanted);
    }
    if (!end) {
      return end.error();
    }
    const auto index = std::span<const std::byte>(end->bytes).last(static_cast<std::size_t>(wanted));
    auto made =
        read_shard_index(index.first(static_cast<std::size_t>(end->trailer.index_bytes)), end->trailer);
    if (!made) {
      return made.error();
    }
    std::shared_ptr<const BytesCodec> codec;
    if (!made->codec.empty()) {
      auto found = bytes_codec_of_text(made->codec, 1, 3);
      if (!found) {
        return Error(found.error().code(), "the codec of the shard: " + found.error().text());
      }
      codec = std::move(*found);
    }
    std::shared_ptr<ShardFile> shard(new ShardFile(std::move(file), std::move(name), std::move(*made),
                                                   std::move(codec), std::move(content), std::move(parts)));
    return shard;
  });
}

ShardFile::ShardFile(std::unique_ptr<AreaFile> file, std::string name, ShardIndex index,
                     std::shared_ptr<const BytesCodec> codec, std::string content,
                     std::shared_ptr<SharedParts> parts)
    : name_(std::move(name)),
      index_(std::move(index)),
      codec_(std::move(codec)),
      content_(std::move(content)),
      parts_(std::move(parts)),
      segment_of_(index_.blocks.size()),
      file_(std::move(file)) {
  for (std::size_t number = 0; number < index_.blocks.size(); ++number) {
    const std::uint64_t bytes = aligned_segment(index_.blocks[number].plain_bytes);
    if (segments_.empty() || segments_.back().plain_bytes > segment_bytes - std::min(bytes, segment_bytes)) {
      segments_.push_back({number, number, 0});
    }
    ++segments_.back().behind;
    segments_.back().plain_bytes += bytes;
    segment_of_[number] = static_cast<std::uint32_t>(segments_.size() - 1);
  }
}

Result<StoredSample> ShardFile::sample(std::uint64_t number, Deadline /*deadline*/) const {
  return guarded([&]() -> Result<StoredSample> {
    const std::size_t at = index_.block_of(number);
    const auto found = block(at);
    if (!found) {
      return found.error().about(name_);
    }
    return StoredSample{
        .owner = *found,
        .bytes = (*found)->sample(static_cast<std::uint32_t>(number - index_.blocks[at].first)),
        .record = {}};
  });
}

Result<ShardFile::Block> ShardFile::block(std::size_t number) const {
  {
    const MutexLock lock(mutex_);
    if (!all_.empty() && all_[number] != nullptr) {
      return all_[number];
    }
    for (const Kept& kept : latest_) {
      if (kept.block != nullptr && kept.number == number) {
        return kept.block;
      }
    }
  }
  auto made = read_block(number);
  if (!made && made.error().code() == Errc::closed) {  // all blocks were kept meanwhile
    const MutexLock lock(mutex_);
    return all_[number];
  }
  if (made) {
    const MutexLock lock(mutex_);
    latest_[next_] = {number, *made};
    next_ = (next_ + 1) % latest_.size();
  }
  return made;
}

Result<std::span<const std::byte>> ShardFile::coded(std::uint64_t offset, std::uint64_t bytes,
                                                    std::unique_ptr<std::byte[]>& memory) const {
  if (const auto all = in_memory(); all.owner != nullptr) {
    return all.bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(bytes));
  }
  memory = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(bytes));
  const std::span<std::byte> into(memory.get(), static_cast<std::size_t>(bytes));
  const auto done = read_file(offset, into);
  return done ? Result<std::span<const std::byte>>(into) : done.error();
}

Result<void> ShardFile::read_file(std::uint64_t offset, std::span<std::byte> into) const {
  const auto file = this->file();
  return file != nullptr ? file->read(offset, into)
                         : Error(Errc::closed, "the file of the shard was closed, and all of it is kept");
}

Result<ShardFile::Block> ShardFile::read_block(std::size_t number) const {
  const ShardBlock& block = index_.blocks[number];
  std::shared_ptr<const void> owner;
  std::span<const std::byte> plain;
  if (const auto all = in_memory(); codec_ == nullptr && all.owner != nullptr) {
    owner = all.owner;
    plain = all.bytes.subspan(static_cast<std::size_t>(block.offset),
                              static_cast<std::size_t>(block.plain_bytes));
    if (checksum(plain) != block.checksum) {
      return damaged(number, "its checksum is wrong");
    }
  } else {
    const auto memory = plain_memory(block.plain_bytes);
    const std::span<std::byte> into(memory.get(), static_cast<std::size_t>(block.plain_bytes));
    // Bytes that are not coded are read to where they stay.
    std::unique_ptr<std::byte[]> buffer;
    Result<std::span<const std::byte>> bytes(into);
    if (codec_ != nullptr) {
      bytes = coded(block.offset, block.coded_bytes, buffer);
    } else if (auto done = read_file(block.offset, into); !done) {
      bytes = done.error();
    }
    auto done = bytes ? decode(number, *bytes, into) : Result<void>(bytes.error());
    if (!done) {
      return done.error();
    }
    owner = memory;
    plain = into;
  }
  auto made = PlainBlock::of(std::move(owner), plain, block, index_);
  return made ? Result<Block>(std::make_shared<const PlainBlock>(std::move(*made))) : made.error();
}

Result<void> ShardFile::keep(std::uint64_t first, std::uint64_t count, double turn) const {
  const auto done = count == 0 ? Result<void>() : keep_segments(first, count, turn);
  return done ? done : Result<void>(done.error().about(name_));
}

Result<void> ShardFile::keep_segments(std::uint64_t first, std::uint64_t count, double turn) const {
  // Of an object all comes at once, for all ranks of the node.
  if (const auto file = this->file();
      file != nullptr && file->path().empty() && in_memory().owner == nullptr) {
    auto all = file->in_place();
    if (!all) {
      return all.error();
    }
    const MutexLock lock(mutex_);
    in_memory_ = std::move(*all);
  }
  if (codec_ == nullptr && in_memory().owner != nullptr) {
    return {};
  }
  return guarded([&]() -> Result<void> {
    Result<void> damage;
    const std::size_t begin = segment_of_[index_.block_of(first)];
    const std::size_t segments = segment_of_[index_.block_of(first + count - 1)] - begin + 1;
    const auto start = static_cast<std::size_t>(turn * static_cast<double>(segments));
    for (std::size_t at = 0; at < segments; ++at) {
      const std::size_t number = begin + (start + at) % segments;
      {
        const MutexLock lock(mutex_);
        if (!all_.empty() && all_[segments_[number].first_block] != nullptr) {
          continue;
        }
      }
      auto done = keep_segment(number);
      if (!done && done.error().code() == Errc::corrupt) {
        damage = std::move(done);                                 // the other segments may be whole
      } else if (!done && done.error().code() != Errc::closed) {  // closed: others have kept all meanwhile
        return done;
      }
    }
    // A process may have few open files, and epochs have many shards.
    const MutexLock lock(mutex_);
    if (!all_.empty() && std::ranges::find(all_, nullptr) == all_.end()) {
      file_.reset();
    }
    return damage;
  });
}

Result<void> ShardFile::keep_segment(std::size_t number) const {
  const Segment& segment = segments_[number];
  std::shared_ptr<const void> owner;
  std::span<const std::byte> plain;
  if (parts_ != nullptr && parts_->shares(segment.plain_bytes)) {
    auto shared = parts_->get(content_ + '/' + std::to_string(number), segment.plain_bytes,
                              [&](std::span<std::byte> into) { return read_segment(segment, into); });
    if (shared) {
      const auto array = std::make_shared<const Array>(std::move(*shared));
      plain = {array->data(), static_cast<std::size_t>(segment.plain_bytes)};
      owner = array;
    }
  }
  if (owner == nullptr) {
    const auto memory = plain_memory(segment.plain_bytes);
    const std::span<std::byte> into(memory.get(), static_cast<std::size_t>(segment.plain_bytes));
    if (auto done = read_segment(segment, into); !done) {
      return done;
    }
    owner = memory;
    plain = into;
  }
  std::vector<Block> blocks;
  std::uint64_t offset = 0;
  for (std::size_t at = segment.first_block; at < segment.behind; ++at) {
    const ShardBlock& block = index_.blocks[at];
    auto made = PlainBlock::of(
        owner, plain.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(block.plain_bytes)),
        block, index_);
    if (!made) {
      return made.error();
    }
    blocks.push_back(std::make_shared<const PlainBlock>(std::move(*made)));
    offset += aligned_segment(block.plain_bytes);
  }
  const MutexLock lock(mutex_);
  all_.resize(index_.blocks.size());
  std::ranges::copy(blocks, all_.begin() + static_cast<std::ptrdiff_t>(segment.first_block));
  return {};
}

Result<void> ShardFile::read_segment(const Segment& segment, std::span<std::byte> into) const {
  return guarded([&]() -> Result<void> {
    const ShardBlock& first = index_.blocks[segment.first_block];
    const ShardBlock& last = index_.blocks[segment.behind - 1];
    std::unique_ptr<std::byte[]> buffer;
    const auto bytes = coded(first.offset, last.offset + last.coded_bytes - first.offset, buffer);
    if (!bytes) {
      return bytes.error();
    }
    std::size_t plain = 0;
    for (std::size_t at = segment.first_block; at < segment.behind; ++at) {
      const ShardBlock& block = index_.blocks[at];
      const auto size = static_cast<std::size_t>(block.plain_bytes);
      if (auto done = decode(at,
                             bytes->subspan(static_cast<std::size_t>(block.offset - first.offset),
                                            static_cast<std::size_t>(block.coded_bytes)),
                             into.subspan(plain, size));
          !done) {
        return done;
      }
      plain += static_cast<std::size_t>(aligned_segment(size));
    }
    return {};
  });
}

Result<void> ShardFile::decode(std::size_t number, std::span<const std::byte> coded,
                               std::span<std::byte> plain) const {
  if (checksum(coded) != index_.blocks[number].checksum) {
    return damaged(number, "its checksum is wrong");
  }
  if (codec_ == nullptr) {
    if (coded.data() != plain.data()) {
      std::ranges::copy(coded, plain.begin());
    }
    return {};
  }
  const auto done = codec_->decode(coded, plain);
  return done || done.error().code() == Errc::out_of_memory ? done : damaged(number, done.error().text());
}

Error ShardFile::damaged(std::size_t number, const std::string& reason) const {
  if (const auto file = this->file(); file != nullptr && !file->is_unchanged()) {
    return Error(Errc::stale, "the file of the shard was changed since it was opened; open the shard again");
  }
  const ShardBlock& block = index_.blocks[number];
  return Error(Errc::corrupt, "samples " + std::to_string(block.first) + " to " +
                                  std::to_string(block.first + block.samples - 1) + " at byte " +
                                  std::to_string(block.offset) + " are damaged: " + reason +
                                  "; restore the file, or write the shard again");
}

}  // namespace locum::storage
