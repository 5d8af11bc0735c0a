#include "transport/storage/wrappers/packed_record.hpp"

#include <cstring>
#include <string>
#include <utility>

#include "core/base/checksum.hpp"
#include "transport/storage/errors.hpp"

namespace locum::storage {

namespace {

/// Shorter ones are not tried: they have nothing to repeat.
constexpr std::uint64_t least_compressed_bytes = 64;

BackendTraits with_room_for_end(BackendTraits traits, bool keeps_bytes) {
  constexpr std::uint64_t end_bytes = sizeof(PackedEnd);
  traits.largest_record = traits.largest_record < end_bytes ? 0 : traits.largest_record - end_bytes;
  traits.in_place = traits.in_place && keeps_bytes;
  traits.loads_ends = false;
  return traits;
}

std::uint32_t checksum_of(std::span<const std::byte> packed, PackedEnd end) {
  end.checksum = 0;
  return checksum(std::as_bytes(std::span(&end, 1)), checksum(packed));
}

}  // namespace

PackedRecord::PackedRecord(std::shared_ptr<Backend> inner, const BackendTraits& traits, std::string_view name,
                           std::unique_ptr<const Compressor> compressor)
    : RecordFilter(std::move(inner), traits), name_(name), compressor_(std::move(compressor)) {}

std::shared_ptr<Backend> PackedRecord::over(std::shared_ptr<Backend> inner, std::string_view name,
                                            std::unique_ptr<const Compressor> compressor) {
  const BackendTraits traits = with_room_for_end(inner->traits(), compressor == nullptr);
  return std::make_shared<PackedRecord>(std::move(inner), traits, name, std::move(compressor));
}

Error PackedRecord::damage(const RecordKey& key, const std::string& why) const {
  return Error(Errc::corrupt, std::string(name_) + ": " + why).about(key.name);
}

Result<NewRecord> PackedRecord::to_store(const RecordKey& key, const NewRecord& record, Deadline deadline) {
  const std::uint64_t size = record.bytes.size();
  if (size > traits().largest_record) {
    return record_too_large(name_, size, traits().largest_record).about(key.name);
  }
  PackedEnd end{.size_bytes = size};
  const bool tries = compressor_ != nullptr && size >= least_compressed_bytes;
  const std::uint64_t room = tries ? std::max(compressor_->room(size), size) : size;
  auto memory = record_memory(room + sizeof end);
  if (!memory) {
    return no_memory_left();
  }
  std::uint64_t packed_bytes = size;
  if (tries) {
    const auto packed = compressor_->pack(record.bytes, {memory.get(), room}, deadline);
    if (packed && *packed < size) {
      end.packing = compressor_->packing();
      packed_bytes = *packed;
    } else if (!packed && packed.error().code() != Errc::value_too_large) {
      return packed.error().about(key.name);
    }
  }
  if (end.packing == Packing::plain && size != 0) {
    std::memcpy(memory.get(), record.bytes.data(), size);
  }
  end.checksum = checksum_of({memory.get(), packed_bytes}, end);
  std::memcpy(memory.get() + packed_bytes, &end, sizeof end);
  NewRecord made = record;
  made.bytes = {memory.get(), packed_bytes + sizeof end};
  made.owner = std::move(memory);
  return made;
}

Result<LoadedRecord> PackedRecord::from_store(const RecordKey& key, LoadedRecord stored,
                                              Deadline /*deadline*/) {
  PackedEnd end;
  if (stored.bytes.size() != stored.size_bytes || stored.bytes.size() < sizeof end) {
    return damage(key, "the record is too short for a checksum; it was cut, or stored without this wrapper");
  }
  const auto packed = stored.bytes.first(stored.bytes.size() - sizeof end);
  std::memcpy(&end, stored.bytes.data() + packed.size(), sizeof end);
  if (end.magic != PackedEnd::magic_number) {
    return damage(key,
                  "the record has no checksum at its end; it is damaged, or was stored without this "
                  "wrapper");
  }
  if (const std::uint32_t found = checksum_of(packed, end); found != end.checksum) {
    return damage(key, wrong_checksum(found, end.checksum));
  }
  if (end.packing == Packing::plain) {
    if (end.size_bytes != packed.size()) {
      return damage(key, "the record does not have the size that it says; store it again");
    }
    stored.bytes = packed;
    stored.size_bytes = packed.size();
    return stored;
  }
  if (compressor_ == nullptr || compressor_->packing() != end.packing) {
    const bool is_known = end.packing == Packing::zstd || end.packing == Packing::lz4;
    return damage(key, !is_known ? "a later version of this library compressed the record"
                                 : "the record is compressed; open it with " +
                                       std::string(end.packing == Packing::zstd ? "zstd+" : "lz4+") +
                                       " in this place of the URL");
  }
  if (end.size_bytes > traits().largest_record || end.size_bytes > compressor_->most_plain(packed.size())) {
    return damage(key, "the record says that it had more bytes than it can have had; store it again");
  }
  auto memory = record_memory(end.size_bytes);
  if (!memory) {
    return no_memory_left();
  }
  if (auto done = compressor_->unpack(packed, {memory.get(), end.size_bytes}); !done) {
    return done.error().about(key.name);
  }
  LoadedRecord plain;
  plain.bytes = {memory.get(), end.size_bytes};
  plain.size_bytes = end.size_bytes;
  plain.revision = stored.revision;
  plain.owner = std::move(memory);
  return plain;
}

}  // namespace locum::storage
