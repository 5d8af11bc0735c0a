#include "core/python/shards.hpp"

#include <pybind11/numpy.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include <locum/locum.h>

#include "core/python/array.hpp"
#include "core/python/error.hpp"
#include "core/python/files.hpp"
#include "core/python/given_names.hpp"
#include "core/python/interruptible.hpp"
#include "core/python/name.hpp"
#include "core/python/pin.hpp"
#include "core/python/python_calls.hpp"
#include "core/python/store.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

constexpr double default_timeout_s = 600;

/// Makes a call that waits, in pieces that Ctrl-C ends, with a view to be filled, and gives what it shows.
template <class Get>
py::object waited(double timeout_s, Get get) {
  auto pin = std::make_unique<Pin>();
  check(interruptible(
      timeout_s == 0 ? default_timeout_s : timeout_s,
      [&](double piece_s) { return pin->fill([&](locum_view* view) { return get(piece_s, view); }); },
      [] { return false; }));
  return object_of(std::move(pin));
}

template <class Get>
py::object shard_record(Get get) {
  auto pin = std::make_unique<Pin>();
  check(pin->fill(get));
  return bytes_of(std::move(pin));
}

/// An iterator over the bytes of Records, as the C interface asks for samples.
class SampleIterator {
 public:
  explicit SampleIterator(py::iterator samples) : samples_(std::move(samples)) {}

  locum_status next(locum_array* sample) noexcept {
    locum_status status = LOCUM_CLOSED;
    const bool was_called = with_interpreter([&] {
      try {
        if (samples_ == py::iterator::sentinel()) {
          status = LOCUM_END_OF_STREAM;
          return;
        }
        bytes_ = py::reinterpret_borrow<py::array>(*samples_);
        *sample = described(bytes_, LOCUM_ENCODED, "locum.record");
        ++samples_;
        status = LOCUM_OK;
      } catch (...) {
        raised_ = std::current_exception();
        status = LOCUM_CANCELLED;
      }
    });
    return was_called ? status : LOCUM_CLOSED;
  }
  /// Throws what the iterator has raised.
  void rethrow() const {
    if (raised_) {
      std::rethrow_exception(raised_);
    }
  }

 private:
  py::iterator samples_;
  py::array bytes_;
  std::exception_ptr raised_;
};

class Shard {
 public:
  explicit Shard(locum_shard shard) noexcept : shard_(shard) {}
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  ~Shard() { (void)locum_shard_release(&shard_); }

  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t count = 0;
    check(locum_shard_count(shard_, &count));
    return count;
  }
  [[nodiscard]] py::object sample(std::uint64_t number, double timeout_s) const {
    return waited(timeout_s, [&](double piece_s, locum_view* view) {
      return locum_shard_sample(shard_, number, piece_s, view);
    });
  }

 private:
  locum_shard shard_;
};

class Shards {
 public:
  /// \param place a URL, if there are neither files nor a store; else a folder of the files
  Shards(const Files* files, const Store* store, py::handle place, py::handle codec,
         std::uint64_t block_bytes, bool is_readonly) {
    const Name where(place);
    const Name compressor(codec);
    const locum_shards_options options{compressor.c_str(), block_bytes, is_readonly ? 1U : 0U, {}};
    if (files != nullptr) {
      locum_files in = files->handle();
      check(unlocked([&] { return locum_shards_open(in, where.c_str(), &options, &shards_); }));
    } else if (store != nullptr) {
      locum_store in = store->handle();
      check(unlocked([&] { return locum_shards_open_store(in, &options, &shards_); }));
    } else {
      check(unlocked([&] { return locum_shards_open_url(where.c_str(), &options, &shards_); }));
    }
  }
  Shards(const Shards&) = delete;
  Shards& operator=(const Shards&) = delete;
  ~Shards() {
    (void)unlocked([this] { return locum_shards_close(&shards_); });
  }

  [[nodiscard]] py::str set(py::iterator samples, const py::object& key, double timeout_s) const {
    const MaybeName as(key);
    SampleIterator source(std::move(samples));
    GivenNames given;
    const locum_status status = unlocked([&] {
      return locum_shards_set_each(
          shards_, as.c_str(),
          [](locum_array* sample, void* context) {
            return static_cast<SampleIterator*>(context)->next(sample);
          },
          &source, timeout_s, &given.names);
    });
    source.rethrow();
    check(status);
    return given.only();
  }
  [[nodiscard]] py::list keys(py::handle after, std::size_t most, double timeout_s) const {
    const Name behind(after);
    GivenNames names;
    check(
        unlocked([&] { return locum_shards_keys(shards_, behind.c_str(), most, timeout_s, &names.names); }));
    return names.list();
  }
  [[nodiscard]] py::object index(double timeout_s) const {
    return shard_record([&](locum_view* view) { return locum_shards_index(shards_, timeout_s, view); });
  }
  [[nodiscard]] bool remove(py::handle key, double timeout_s) const {
    const Name of(key);
    bool existed = false;
    check(unlocked([&] { return locum_shards_remove(shards_, of.c_str(), timeout_s, &existed); }));
    return existed;
  }
  [[nodiscard]] std::unique_ptr<Shard> get(py::handle key, double timeout_s) const {
    const Name of(key);
    locum_shard shard = nullptr;
    check(unlocked([&] { return locum_shards_get(shards_, of.c_str(), timeout_s, &shard); }));
    return std::make_unique<Shard>(shard);
  }
  [[nodiscard]] locum_shards handle() const noexcept { return shards_; }

 private:
  locum_shards shards_ = nullptr;
};

class Epochs {
 public:
  Epochs(const Shards& shards, std::uint64_t rank, std::uint64_t ranks, const py::dict& how) {
    locum_epochs_options options{};
    options.seed = how["seed"].cast<std::uint64_t>();
    options.shuffle_block = how["shuffle_block"].cast<std::uint64_t>();
    options.remainder = how["remainder"].cast<int>();
    options.in_order = !how["shuffle"].cast<bool>();
    options.no_read_ahead = !how["read_ahead"].cast<bool>();
    options.skip_damaged = how["skip_damaged"].cast<bool>();
    options.first = how["first"].cast<std::uint64_t>();
    options.count = how["count"].cast<std::uint64_t>();
    const py::object state = how["state"];
    py::array bytes;
    locum_array described_state{};
    if (!state.is_none()) {
      bytes = py::array(state);
      described_state = described(bytes, LOCUM_ENCODED, "locum.record");
      options.state = &described_state;
    }
    check(unlocked([&] { return locum_epochs_open(shards.handle(), rank, ranks, &options, &epochs_); }));
  }
  Epochs(const Epochs&) = delete;
  Epochs& operator=(const Epochs&) = delete;
  ~Epochs() {
    (void)unlocked([this] { return locum_epochs_close(&epochs_); });
  }

  [[nodiscard]] py::object next(double timeout_s) const {
    return waited(timeout_s, [&](double piece_s, locum_view* view) {
      return locum_epochs_next(epochs_, piece_s, view);
    });
  }
  [[nodiscard]] std::uint64_t skip(std::uint64_t count, double timeout_s) const {
    std::uint64_t skipped = 0;
    check(unlocked([&] { return locum_epochs_skip(epochs_, count, timeout_s, &skipped); }));
    return skipped;
  }
  [[nodiscard]] std::uint64_t position() const {
    std::uint64_t position = 0;
    check(locum_epochs_position(epochs_, &position));
    return position;
  }
  [[nodiscard]] std::uint64_t damaged() const {
    std::uint64_t damaged = 0;
    check(locum_epochs_damaged(epochs_, &damaged));
    return damaged;
  }
  [[nodiscard]] py::object state_at(std::uint64_t position) const {
    return shard_record([&](locum_view* view) { return locum_epochs_state_at(epochs_, position, view); });
  }

 private:
  locum_epochs epochs_ = nullptr;
};

}  // namespace

void define_shards(py::module_& module) {
  py::class_<Shard>(module, "Shard").def("count", &Shard::count).def("sample", &Shard::sample);
  py::class_<Shards>(module, "Shards")
      .def(py::init<const Files*, const Store*, py::handle, py::handle, std::uint64_t, bool>())
      .def("set", &Shards::set)
      .def("keys", &Shards::keys)
      .def("index", &Shards::index)
      .def("remove", &Shards::remove)
      .def("get", &Shards::get);
  py::class_<Epochs>(module, "Epochs")
      .def(py::init<const Shards&, std::uint64_t, std::uint64_t, const py::dict&>())
      .def("next", &Epochs::next)
      .def("skip", &Epochs::skip)
      .def("position", &Epochs::position)
      .def("damaged", &Epochs::damaged)
      .def("state_at", &Epochs::state_at);
  module.def("epochs_join", [](const py::list& states) {
    std::vector<py::array> bytes;
    std::vector<locum_array> shown;
    bytes.reserve(states.size());
    for (const py::handle each : states) {
      bytes.push_back(py::reinterpret_borrow<py::array>(each));
      shown.push_back(described(bytes.back(), LOCUM_ENCODED, "locum.record"));
    }
    return shard_record(
        [&](locum_view* view) { return locum_epochs_join(shown.size(), shown.data(), view); });
  });
}

}  // namespace locum::python
