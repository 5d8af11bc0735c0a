// Stores over backends, beside the clients of the same servers and files: what the library adds to each.

#include <locum/locum.hpp>
#include <optional>

#include "bench/peers/makers.hpp"

namespace peers {

namespace {

class BackendPeer final : public Peer {
 public:
  /// \param at_a_time objects that are put or got by one call
  BackendPeer(const Place& place, const std::string& url, std::size_t at_a_time) : at_a_time_(at_a_time) {
    int rank = 0;
    MPI_Comm_rank(place.ranks, &rank);
    if (rank == 0) {
      store_ = locum::open(url).value();
    }
    MPI_Barrier(place.ranks);
    if (!store_) {
      store_ = locum::open(url).value();
    }
  }

  void put(std::span<const Item> items) override {
    if (at_a_time_ == 1) {
      for (const Item& item : items) {
        (void)store_->put_bytes(item.name, item.bytes).value();
      }
      return;
    }
    for (std::size_t begin = 0; begin < items.size(); begin += at_a_time_) {
      std::vector<std::pair<std::string_view, std::span<const std::byte>>> together;
      for (const Item& item : items.subspan(begin, std::min(at_a_time_, items.size() - begin))) {
        together.emplace_back(item.name, item.bytes);
      }
      for (const auto& put : store_->put_batch(together)) {
        (void)put.value();
      }
    }
  }
  void get(std::span<const std::string> names, const Reader& reader) override {
    if (at_a_time_ == 1) {
      for (std::size_t i = 0; i < names.size(); ++i) {
        const auto view = store_->get_bytes(names[i]).value();
        reader(i, *view);
      }
      return;
    }
    for (std::size_t begin = 0; begin < names.size(); begin += at_a_time_) {
      const auto together = names.subspan(begin, std::min(at_a_time_, names.size() - begin));
      const auto views = store_->get_batch<std::byte[]>(together);
      for (std::size_t i = 0; i < views.size(); ++i) {
        const locum::View<std::byte[]>& view = views[i].value();
        reader(begin + i, *view);
      }
    }
  }
  void remove(std::span<const Item> items) override {
    for (const Item& item : items) {
      (void)store_->evict(item.name).value();
    }
  }

 private:
  const std::size_t at_a_time_;
  std::optional<locum::Store> store_;
};

constexpr std::size_t in_a_batch = 256;

std::string redis_unix_url(const Place& place) {
  return "redis:" + place.redis_socket + "?db=1";
}
/// After `memcached:`. The servers take values of 8 MiB.
std::string memcached_url(const std::string& where) {
  return "memcached:" + where + "?largest=8000000";
}
/// The tmpfs has no disk to wait for.
std::string url_in_folder(std::string_view scheme, const Place& place, std::string_view name) {
  return std::string(scheme) + place.folder + '/' + std::string(name) + "?sync=0";
}

}  // namespace

std::unique_ptr<Peer> make_over_redis_unix(const Place& place) {
  return std::make_unique<BackendPeer>(place, redis_unix_url(place), 1);
}
std::unique_ptr<Peer> make_over_redis_tcp(const Place& place) {
  return std::make_unique<BackendPeer>(place, "redis://127.0.0.1:" + std::to_string(place.redis_port) + "/2",
                                       1);
}
std::unique_ptr<Peer> make_over_redis_batches(const Place& place) {
  return std::make_unique<BackendPeer>(place, redis_unix_url(place), in_a_batch);
}
std::unique_ptr<Peer> make_over_memcached_unix(const Place& place) {
  return std::make_unique<BackendPeer>(place, memcached_url(place.memcached_socket), 1);
}
std::unique_ptr<Peer> make_over_memcached_tcp(const Place& place) {
  return std::make_unique<BackendPeer>(
      place, memcached_url("//127.0.0.1:" + std::to_string(place.memcached_port)), 1);
}
std::unique_ptr<Peer> make_over_memcached_batches(const Place& place) {
  return std::make_unique<BackendPeer>(place, memcached_url(place.memcached_socket), in_a_batch);
}
std::unique_ptr<Peer> make_over_files(const Place& place) {
  return std::make_unique<BackendPeer>(place, url_in_folder("file:", place, "locum"), 1);
}
std::unique_ptr<Peer> make_over_files_batches(const Place& place) {
  return std::make_unique<BackendPeer>(place, url_in_folder("file:", place, "locum_batches"), in_a_batch);
}
std::unique_ptr<Peer> make_over_pack(const Place& place) {
  return std::make_unique<BackendPeer>(place, url_in_folder("pack:", place, "locum.pack"), 1);
}
std::unique_ptr<Peer> make_over_pack_batches(const Place& place) {
  return std::make_unique<BackendPeer>(place, url_in_folder("pack:", place, "locum_batches.pack"),
                                       in_a_batch);
}
std::unique_ptr<Peer> make_over_hdf5(const Place& place) {
  return std::make_unique<BackendPeer>(place, url_in_folder("hdf5:", place, "locum.h5"), 1);
}
std::unique_ptr<Peer> make_over_rocksdb(const Place& place) {
  return std::make_unique<BackendPeer>(place, "rocksdb:" + place.folder + "/locum_rocksdb", 1);
}
std::unique_ptr<Peer> make_over_rocksdb_batches(const Place& place) {
  return std::make_unique<BackendPeer>(place, "rocksdb:" + place.folder + "/locum_rocksdb_batches",
                                       in_a_batch);
}
std::unique_ptr<Peer> make_over_memory(const Place& place) {
  return std::make_unique<BackendPeer>(place, "memory:", 1);
}
std::unique_ptr<Peer> make_over_simple(const Place& place) {
  return std::make_unique<BackendPeer>(place, "simple:", 1);
}

}  // namespace peers
