// A hash map of names in a managed_shared_memory of Boost.Interprocess, as its documentation builds one, with
// a lock for readers and writers. Readers read in place. Nothing keeps a value while it is read: who removes
// one must know that nobody reads it. Nothing frees the lock of a process that died, either.

#include <unistd.h>

#include <array>
#include <boost/interprocess/allocators/allocator.hpp>
#include <boost/interprocess/containers/string.hpp>
#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/sync/interprocess_sharable_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#include <boost/interprocess/sync/sharable_lock.hpp>
#include <boost/unordered_map.hpp>
#include <cstdio>
#include <cstring>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "bench/peers/makers.hpp"

namespace peers {

namespace {

namespace ipc = boost::interprocess;

using Segment = ipc::managed_shared_memory;
template <class T>
using In = ipc::allocator<T, Segment::segment_manager>;
using Name = ipc::basic_string<char, std::char_traits<char>, In<char>>;

struct Value {
  ipc::offset_ptr<std::byte> bytes;
  std::size_t size = 0;
};

[[nodiscard]] std::string_view text_of(std::string_view text) {
  return text;
}
[[nodiscard]] std::string_view text_of(const Name& name) {
  return {name.data(), name.size()};
}
/// Hashes and compares names of either kind, so that a search does not make one in the segment.
struct HashOfName {
  template <class Text>
  std::size_t operator()(const Text& text) const {
    return std::hash<std::string_view>{}(text_of(text));
  }
};
struct SameName {
  template <class One, class Other>
  bool operator()(const One& one, const Other& other) const {
    return text_of(one) == text_of(other);
  }
};
using Names = boost::unordered_map<Name, Value, HashOfName, SameName, In<std::pair<const Name, Value>>>;

/// What lies at a known place of the segment.
struct Table {
  explicit Table(Segment::segment_manager* segment)
      : names(0, HashOfName{}, SameName{}, In<std::pair<const Name, Value>>(segment)) {}

  ipc::interprocess_sharable_mutex mutex;
  Names names;
};

class BoostPeer final : public Peer {
 public:
  explicit BoostPeer(const Place& place) {
    constexpr std::uint64_t slack = std::uint64_t{64} << 20U;
    int rank = 0;
    MPI_Comm_rank(place.ranks, &rank);
    std::array<char, 64> name{};
    if (rank == 0) {
      std::snprintf(name.data(), name.size(), "locum_peers.%d", static_cast<int>(::getpid()));
      segment_.emplace(ipc::create_only, name.data(), 2 * place.bytes + slack);
      table_ = segment_->construct<Table>(ipc::unique_instance)(segment_->get_segment_manager());
    }
    MPI_Bcast(name.data(), static_cast<int>(name.size()), MPI_CHAR, 0, place.ranks);
    if (rank != 0) {
      segment_.emplace(ipc::open_only, name.data());
      table_ = segment_->find<Table>(ipc::unique_instance).first;
    }
    MPI_Barrier(place.ranks);
    if (rank == 0) {
      ipc::shared_memory_object::remove(name.data());  // all have it; nothing is left, however this ends
    }
  }

  void put(std::span<const Item> items) override {
    for (const Item& item : items) {
      auto* bytes = static_cast<std::byte*>(segment_->allocate(item.bytes.size()));
      std::memcpy(bytes, item.bytes.data(), item.bytes.size());
      Name name(item.name.begin(), item.name.end(), In<char>(segment_->get_segment_manager()));
      const ipc::scoped_lock lock(table_->mutex);
      if (!table_->names.emplace(std::move(name), Value{bytes, item.bytes.size()}).second) {
        throw std::runtime_error("Boost.Interprocess: the name exists: " + item.name);
      }
    }
  }
  void get(std::span<const std::string> names, const Reader& reader) override {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Value value = find(names[i]);
      reader(i, std::span(static_cast<const std::byte*>(value.bytes.get()), value.size));
    }
  }
  void remove(std::span<const Item> items) override {
    for (const Item& item : items) {
      const Value value = find(item.name);
      {
        const ipc::scoped_lock lock(table_->mutex);
        table_->names.erase(table_->names.find(std::string_view(item.name), HashOfName{}, SameName{}));
      }
      segment_->deallocate(value.bytes.get());
    }
  }

 private:
  [[nodiscard]] Value find(const std::string& name) const {
    const ipc::sharable_lock lock(table_->mutex);
    const auto found = table_->names.find(std::string_view(name), HashOfName{}, SameName{});
    if (found == table_->names.end()) {
      throw std::runtime_error("Boost.Interprocess: no " + name);
    }
    return found->second;
  }

  std::optional<Segment> segment_;
  Table* table_ = nullptr;
};

}  // namespace

std::unique_ptr<Peer> make_boost_segment(const Place& place) {
  return std::make_unique<BoostPeer>(place);
}

}  // namespace peers
