#include "transport/storage/shards/shard_draft.hpp"

#include <utility>

#include "core/base/checksum.hpp"
#include "core/base/unless_out_of_memory.hpp"
#include "core/value/errors.hpp"
#include "transport/storage/shards/shard_key.hpp"

namespace locum::storage {

FileShardDraft::FileShardDraft(std::unique_ptr<AreaDraft> file, std::shared_ptr<const ShardForm> form,
                               std::string key, Published published)
    : file_(std::move(file)),
      form_(std::move(form)),
      key_(std::move(key)),
      published_(std::move(published)),
      index_{.type = form_->type,
             .codec = form_->codec_text,
             .alignment = form_->alignment,
             .sample_bytes = form_->sample_bytes},
      block_(form_->alignment) {}

Result<void> FileShardDraft::add(const StoredSample& sample) {
  if (failed_) {
    return *failed_;
  }
  auto done = guarded([&]() -> Result<void> {
    if (sample.record) {
      return Error(Errc::type_mismatch, "these shards hold values of the type " + form_->type +
                                            ", and no Records; give the bytes of one");
    }
    if (form_->sample_bytes != 0 && sample.bytes.size() != form_->sample_bytes) {
      return Error(Errc::invalid_argument, "a sample has " + std::to_string(sample.bytes.size()) +
                                               " bytes, where each has " +
                                               std::to_string(form_->sample_bytes));
    }
    if (!block_.empty() && block_.bytes() + sample.bytes.size() > form_->block_bytes) {
      if (auto closed = close_block(); !closed) {
        return closed;
      }
    }
    block_.add(sample.bytes, form_->sample_bytes != 0);
    return {};
  });
  if (!done) {
    failed_ = done.error();
  }
  return done;
}

Result<void> FileShardDraft::close_block() {
  if (!has_header_) {
    if (auto done = file_->write(shard_header()); !done) {
      return done;
    }
    has_header_ = true;
  }
  if (block_.empty()) {
    return {};
  }
  const auto plain = block_.plain();
  const auto coded = form_->codec == nullptr ? Result<std::span<const std::byte>>(plain)
                                             : form_->codec->encode(plain, memory_);
  if (!coded) {
    return coded.error();
  }
  index_.blocks.push_back({.offset = file_->size_bytes(),
                           .coded_bytes = coded->size(),
                           .plain_bytes = plain.size(),
                           .first = index_.samples(),
                           .samples = block_.samples(),
                           .checksum = checksum(*coded)});
  block_.clear();
  return file_->write(*coded);
}

Result<void> FileShardDraft::publish(Deadline deadline) {
  if (failed_) {
    return *failed_;
  }
  failed_ = draft_ended();
  auto done = guarded([&]() -> Result<void> {
    auto closed = close_block();
    return closed ? file_->write(shard_end(index_)) : closed;
  });
  if (!done) {
    return done;
  }
  const auto is_there = file_->publish_if_free();
  if (!is_there) {
    return is_there.error();
  }
  if (!*is_there) {
    return shard_key_taken();
  }
  published_({.key = key_, .samples = index_.samples(), .bytes = file_->size_bytes()}, deadline);
  return {};
}

}  // namespace locum::storage
