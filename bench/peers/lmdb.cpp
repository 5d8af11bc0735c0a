// A map in a file that all ranks map, on a tmpfs: LMDB. A transaction for each value, since each is to be
// seen once put() returns; one writer at a time. Readers read in place, while their transaction lasts.

#include <lmdb.h>
#include <unistd.h>

#include <stdexcept>

#include "bench/peers/makers.hpp"

namespace peers {

namespace {

void check(int status) {
  if (status != MDB_SUCCESS) {
    throw std::runtime_error(std::string("LMDB: ") + mdb_strerror(status));
  }
}

[[nodiscard]] MDB_val value_of(std::span<const std::byte> bytes) {
  return {bytes.size(), const_cast<std::byte*>(bytes.data())};  // LMDB reads it only
}
[[nodiscard]] MDB_val value_of(const std::string& text) {
  return value_of(std::as_bytes(std::span(text)));
}

struct Abort {
  void operator()(MDB_txn* transaction) const { mdb_txn_abort(transaction); }
};
using Transaction = std::unique_ptr<MDB_txn, Abort>;

class LmdbPeer final : public Peer {
 public:
  explicit LmdbPeer(const Place& place) {
    MDB_env* environment = nullptr;
    check(mdb_env_create(&environment));
    environment_.reset(environment);
    constexpr std::uint64_t slack = std::uint64_t{64} << 20U;
    int rank = 0;
    int size = 0;
    MPI_Comm_rank(place.ranks, &rank);
    MPI_Comm_size(place.ranks, &size);
    // Pages are free again only two transactions after their value has gone.
    check(mdb_env_set_mapsize(environment, 4 * place.bytes + slack));
    check(mdb_env_set_maxreaders(environment, static_cast<unsigned>(size) + 8));
    const std::string file = place.folder + "/lmdb";
    // What it documents for data that need not outlive the machine: written in place, and never synchronised.
    check(mdb_env_open(environment, file.c_str(), MDB_NOSUBDIR | MDB_WRITEMAP | MDB_NOSYNC | MDB_NOMEMINIT,
                       0600));
    Transaction first = begin(0);
    check(mdb_dbi_open(first.get(), nullptr, 0, &names_));
    check(mdb_txn_commit(first.release()));
    reading_ = begin(MDB_RDONLY);
    mdb_txn_reset(reading_.get());
    MPI_Barrier(place.ranks);
    if (rank == 0) {
      // All have it; nothing is left, however this ends.
      ::unlink(file.c_str());
      ::unlink((file + "-lock").c_str());
    }
  }

  void put(std::span<const Item> items) override {
    for (const Item& item : items) {
      Transaction writing = begin(0);
      MDB_val name = value_of(item.name);
      MDB_val value = value_of(item.bytes);
      check(mdb_put(writing.get(), names_, &name, &value, MDB_NOOVERWRITE));
      check(mdb_txn_commit(writing.release()));
    }
  }
  void get(std::span<const std::string> names, const Reader& reader) override {
    for (std::size_t i = 0; i < names.size(); ++i) {
      check(mdb_txn_renew(reading_.get()));
      MDB_val name = value_of(names[i]);
      MDB_val value{};
      check(mdb_get(reading_.get(), names_, &name, &value));
      reader(i, std::span(static_cast<const std::byte*>(value.mv_data), value.mv_size));
      mdb_txn_reset(reading_.get());
    }
  }
  void remove(std::span<const Item> items) override {
    Transaction writing = begin(0);
    for (const Item& item : items) {
      MDB_val name = value_of(item.name);
      check(mdb_del(writing.get(), names_, &name, nullptr));
    }
    check(mdb_txn_commit(writing.release()));
  }

 private:
  struct Close {
    void operator()(MDB_env* environment) const { mdb_env_close(environment); }
  };

  [[nodiscard]] Transaction begin(unsigned flags) const {
    MDB_txn* transaction = nullptr;
    check(mdb_txn_begin(environment_.get(), nullptr, flags, &transaction));
    return Transaction(transaction);
  }

  std::unique_ptr<MDB_env, Close> environment_;
  MDB_dbi names_ = 0;
  Transaction reading_;  ///< used again and again, as the documentation recommends
};

}  // namespace

std::unique_ptr<Peer> make_lmdb(const Place& place) {
  return std::make_unique<LmdbPeer>(place);
}

}  // namespace peers
