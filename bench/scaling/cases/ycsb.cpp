// The workloads A to F of YCSB (Cooper et al., Benchmarking Cloud Serving Systems with YCSB, 2010): every
// rank reads, replaces and inserts records by name, a few of them much more often than others. A store has no
// order of keys, so that a scan is a get_batch of records with consecutive numbers. The twin reads and writes
// records in windows, at a place that follows from the number, with nothing that keeps a reader from half a
// record.

#include <random>

#include "bench/scaling/cases/makers.hpp"
#include "bench/scaling/payload.hpp"
#include "bench/scaling/window.hpp"
#include "bench/scaling/zipf.hpp"

namespace scaling {

namespace {

enum class Access { read, update, insert, scan, modify };

struct Workload {
  Access frequent;
  Access rare;
  double share_of_rare;
  bool latest;  ///< reads prefer the newest records, and not some that are fixed
};

[[nodiscard]] constexpr Workload workload_of(char letter) {
  switch (letter) {
    case 'a':
      return {Access::read, Access::update, 0.5, false};
    case 'b':
      return {Access::read, Access::update, 0.05, false};
    case 'c':
      return {Access::read, Access::read, 0, false};
    case 'd':
      return {Access::read, Access::insert, 0.05, true};
    case 'e':
      return {Access::scan, Access::insert, 0.05, false};
    default:
      return {Access::read, Access::modify, 0.5, false};
  }
}

class YcsbCase final : public Case {
 public:
  YcsbCase(const Scene& scene, const Workload& workload)
      : scene_(scene),
        workload_(workload),
        ranks_(static_cast<std::uint64_t>(scene.ranks())),
        records_(scene.mode == Mode::weak ? records_of_a_rank * ranks_
                                          : std::max(std::uint64_t{1}, records_in_all / ranks_) * ranks_),
        zipf_(records_),
        record_(scene.bytes),
        landing_(scene.bytes),
        window_(scene.ranks_comm, scene.bytes * (records_ / ranks_ + scene.operations())) {
    for (std::uint64_t number = own(0); number < records_; number += ranks_) {
      write(number);
      (void)scene.store.put_bytes(name(number), record_).value();
      if (window_.refusal().empty()) {
        window_.put(scene.rank(), offset_of(number), record_);
      }
    }
  }
  ~YcsbCase() override {
    for (std::uint64_t number = own(0); number < records_; number += ranks_) {
      scene_.store.evict(name(number));
    }
  }

  void prepare(Side /*side*/, std::uint64_t repetition) override {
    // Both sides do the same.
    random_.seed(repetition * ranks_ + static_cast<std::uint64_t>(scene_.rank()));
    inserted_ = 0;
  }
  void run(Side side) override {
    for (std::size_t i = 0; i < operations(); ++i) {
      const double u = std::uniform_real_distribution<double>(0, 1)(random_);
      const Access access = u < workload_.share_of_rare ? workload_.rare : workload_.frequent;
      side == Side::ours ? ours(access) : twin(access);
    }
  }
  void finish(Side side) override {
    if (side == Side::ours) {
      for (const auto& evicted : scene_.store.evict_batch(keys_)) {
        (void)evicted.value();
      }
      keys_.clear();
    }
  }
  [[nodiscard]] std::string no_twin() const override { return window_.refusal(); }
  [[nodiscard]] std::size_t operations() const override { return scene_.operations(); }
  [[nodiscard]] std::size_t all_operations() const override { return operations() * ranks_; }
  [[nodiscard]] std::size_t all_bytes() const override {
    const std::size_t records = workload_.frequent == Access::scan ? (longest_scan + 1) / 2 : 1;
    return all_operations() * records * scene_.bytes;
  }

 private:
  static constexpr std::uint64_t records_of_a_rank = 256;
  static constexpr std::uint64_t records_in_all = 4096;
  static constexpr std::uint64_t longest_scan = 16;

  [[nodiscard]] static std::string name(std::uint64_t number) { return "user" + std::to_string(number); }
  /// The numbers of records that this rank makes.
  [[nodiscard]] std::uint64_t own(std::uint64_t nth) const {
    return nth * ranks_ + static_cast<std::uint64_t>(scene_.rank());
  }
  [[nodiscard]] int rank_of(std::uint64_t number) const { return static_cast<int>(number % ranks_); }
  [[nodiscard]] std::size_t offset_of(std::uint64_t number) const { return number / ranks_ * scene_.bytes; }

  /// The record of a number, in `record_`: a new version, which the last word repeats.
  void write(std::uint64_t number) {
    const std::uint64_t version = random_();
    Payload::set(record_, 0, number);
    Payload::set(record_, 1, version);
    Payload::set(record_, scene_.bytes / Payload::word_bytes - 1, version);
  }
  void check(std::span<const std::byte> record, std::uint64_t number, bool whole) const {
    if (record.size() != scene_.bytes || Payload::get(record, 0) != number) {
      throw std::runtime_error("record " + std::to_string(number) + " is another one");
    }
    if (whole && Payload::get(record, 1) != Payload::get(record, scene_.bytes / Payload::word_bytes - 1)) {
      throw std::runtime_error("record " + std::to_string(number) + " consists of two versions");
    }
  }
  /// The next record to be used. The frequent ones are spread over all ranks.
  [[nodiscard]] std::uint64_t choose() {
    const std::uint64_t place = zipf_(random_);
    if (!workload_.latest) {
      return place * 0x9E3779B97F4A7C15U % records_;
    }
    return place < inserted_ ? own(records_ / ranks_ + inserted_ - 1 - place)
                             : records_ - 1 - (place - inserted_) % records_;
  }

  void ours(Access access) {
    if (access == Access::insert) {
      const std::uint64_t number = own(records_ / ranks_ + inserted_++);
      write(number);
      keys_.push_back(scene_.store.put_bytes(name(number), record_).value());
      return;
    }
    const std::uint64_t number = choose();
    switch (access) {
      case Access::read:
        read(number);
        break;
      case Access::update:
        write(number);
        (void)scene_.store.replace(name(number), record_).value();
        break;
      case Access::modify:
        (void)scene_.store
            .update<std::vector<std::byte>>(name(number),
                                            [&](const std::vector<std::byte>& before) {
                                              check(before, number, true);
                                              write(number);
                                              return record_;
                                            })
            .value();
        break;
      default:
        scan(number);
    }
  }
  void read(std::uint64_t number) const {
    const auto view = scene_.store.get_bytes(name(number)).value();
    check(*view, number, true);
  }
  void scan(std::uint64_t number) {
    std::vector<std::string> names;
    for (std::uint64_t left = scan_length(); left > 0; --left) {
      names.push_back(name((number + names.size()) % records_));
    }
    const auto views = scene_.store.get_batch<std::byte[]>(names);
    for (std::size_t i = 0; i < views.size(); ++i) {
      check(views[i].value().span(), (number + i) % records_, true);
    }
  }
  [[nodiscard]] std::uint64_t scan_length() {
    return std::uniform_int_distribution<std::uint64_t>(1, longest_scan)(random_);
  }
  void twin(Access access) {
    if (access == Access::insert) {
      const std::uint64_t number = own(records_ / ranks_ + inserted_++);
      write(number);
      window_.put(rank_of(number), offset_of(number), record_);
      return;
    }
    const std::uint64_t number = choose();
    const std::uint64_t length = access == Access::scan ? scan_length() : 1;
    for (std::uint64_t i = 0; i < length && access != Access::update; ++i) {
      const std::uint64_t each = access == Access::scan ? (number + i) % records_ : number;
      window_.get(rank_of(each), offset_of(each), landing_);
      check(landing_, each, false);
    }
    if (access == Access::update || access == Access::modify) {
      write(number);
      window_.put(rank_of(number), offset_of(number), record_);
    }
  }

  const Scene& scene_;
  const Workload workload_;
  const std::uint64_t ranks_;
  const std::uint64_t records_;  ///< a multiple of the number of ranks
  const Zipf zipf_;
  std::mt19937_64 random_;
  std::vector<std::byte> record_;
  std::vector<std::byte> landing_;
  std::vector<locum::Key> keys_;  ///< of the records that this rank has inserted
  std::uint64_t inserted_ = 0;
  Window window_;
};

}  // namespace

template <char letter>
std::unique_ptr<Case> make_ycsb(const Scene& scene) {
  return std::make_unique<YcsbCase>(scene, workload_of(letter));
}
template std::unique_ptr<Case> make_ycsb<'a'>(const Scene& scene);
template std::unique_ptr<Case> make_ycsb<'b'>(const Scene& scene);
template std::unique_ptr<Case> make_ycsb<'c'>(const Scene& scene);
template std::unique_ptr<Case> make_ycsb<'d'>(const Scene& scene);
template std::unique_ptr<Case> make_ycsb<'e'>(const Scene& scene);
template std::unique_ptr<Case> make_ycsb<'f'>(const Scene& scene);

}  // namespace scaling
