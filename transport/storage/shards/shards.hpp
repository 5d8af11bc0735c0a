#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <locum/call_options.hpp>
#include <locum/files.hpp>
#include <locum/record.hpp>
#include <locum/result.hpp>
#include <locum/sample_coder.hpp>
#include <locum/shard_source.hpp>
#include <locum/store.hpp>

/// \file
/// Sets of samples in shards. Link `locum::serial` (no MPI) or `locum::locum`.
namespace locum {

/// How shards are written.
struct ShardLayout {
  /// What compresses a block: `zstd(7)`, `lz4`, `gzip(6)`. Empty: nothing does.
  std::string_view codec = "zstd(7)";
  /// A block is closed before its samples take more: what is read and decoded for one sample. 1 KiB to 1 GiB.
  std::uint64_t block_bytes = std::uint64_t{64} << 10U;
  /// set() and remove() are `unsupported`, and no index is written beside the shards.
  bool is_read_only = false;
};

/// Options of ShardStore::set().
struct ShardOptions {
  /// 1 to 200 bytes, no '/' and no control character, not beginning with '.'; empty: a new one.
  std::string_view key = {};
  TimeLimit deadline = {};
};

namespace detail {

[[nodiscard]] Result<std::shared_ptr<ShardSource>> shards_in_files(const Files& files,
                                                                   std::string_view folder,
                                                                   const SampleLayout& sample,
                                                                   const ShardLayout& layout);
[[nodiscard]] Result<std::shared_ptr<ShardSource>> shards_in_store(const Store& store,
                                                                   const SampleLayout& sample,
                                                                   const ShardLayout& layout);
[[nodiscard]] Result<std::shared_ptr<ShardSource>> foreign_shards(const Files& files, std::string_view folder,
                                                                  std::string_view format);
[[nodiscard]] Result<std::shared_ptr<ShardSource>> shards_at(std::string_view url, const SampleLayout& sample,
                                                             const ShardLayout& layout);
/// Returns an error of a sample with its number and the key of its shard.
[[nodiscard]] Error about_sample(const Error& error, std::uint64_t number, std::string_view key);
/// Returns a key that no other shard has.
[[nodiscard]] std::string new_shard_key();
/// `type_mismatch` if a source has samples of another type.
[[nodiscard]] Result<void> check_sample_type(const ShardSource& source, const SampleLayout& sample);
[[nodiscard]] Result<std::uint64_t> samples_of(const Result<std::vector<ShardFacts>>& index);

}  // namespace detail

/// A shard: a numbered sequence of samples, which are read when they are asked for. A cheap value; copies are
/// the same. Any thread may call.
template <class Sample>
class Shard {
 public:
  /// Reads sample after sample: `for (const Mesh& mesh : shard)`. Moving on throws the Error of a sample that
  /// cannot be read.
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = Sample;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(const Shard& shard) : shard_(&shard) { read(); }

    [[nodiscard]] const Sample& operator*() const noexcept { return *sample_; }
    [[nodiscard]] const Sample* operator->() const noexcept { return sample_.get(); }
    Iterator& operator++() {
      ++number_;
      read();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& at, std::default_sentinel_t /*end*/) noexcept {
      return at.shard_ == nullptr || at.number_ == at.shard_->count();
    }

   private:
    void read() {
      if (number_ < shard_->count()) {
        sample_ = std::make_shared<Sample>(shard_->get(number_).value());
      }
    }

    const Shard* shard_ = nullptr;
    std::uint64_t number_ = 0;
    std::shared_ptr<Sample> sample_;
  };

  /// Called by Shards::get().
  Shard(std::string key, std::shared_ptr<const OpenShard> open) noexcept
      : key_(std::move(key)), open_(std::move(open)) {}

  [[nodiscard]] const std::string& key() const noexcept { return key_; }
  /// Returns the number of samples.
  [[nodiscard]] std::uint64_t count() const noexcept { return open_->count(); }
  /// Reads one sample: its block alone. `invalid_argument` for a number that is not below count(); `corrupt`,
  /// `stale` (the file was changed in place), `system`.
  [[nodiscard]] Result<Sample> get(std::uint64_t number, const CallOptions& options = {}) const {
    if (number >= count()) {
      return Error(Errc::invalid_argument, "the shard has " + std::to_string(count()) +
                                               " samples, numbered from 0, and none of the number " +
                                               std::to_string(number))
          .about(key_);
    }
    auto stored = open_->sample(number, options.deadline);
    if (!stored) {
      return stored.error().about(key_);
    }
    auto made = detail::SampleCoder<Sample>::decode(std::move(*stored));
    return made ? std::move(made) : Result<Sample>(detail::about_sample(made.error(), number, key_));
  }
  /// Reads one sample; throws the Error of get().
  [[nodiscard]] Sample operator[](std::uint64_t number) const { return get(number).value(); }
  [[nodiscard]] Iterator begin() const { return Iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// Reads all samples, and keeps them in memory as long as this shard: see OpenShard::keep().
  [[nodiscard]] Result<void> keep() const { return open_->keep(0, count(), 0); }

 private:
  std::string key_;
  std::shared_ptr<const OpenShard> open_;
};

/// The keys of a set of shards, in ascending order: an input range, which lists some thousand at a time. Keys
/// of shards that are written meanwhile may come or not. begin() and moving on throw the Error of a listing.
class ShardKeys {
 public:
  /// Goes from key to key; lists the next ones when it gets there.
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = std::string;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(std::shared_ptr<ShardSource> source) : source_(std::move(source)) { list({}); }

    [[nodiscard]] const std::string& operator*() const noexcept { return page_[at_]; }
    [[nodiscard]] const std::string* operator->() const noexcept { return &page_[at_]; }
    Iterator& operator++() {
      if (++at_ == page_.size() && !is_last_) {
        list(std::string(page_.back()));
      }
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& at, std::default_sentinel_t /*end*/) noexcept {
      return at.at_ == at.page_.size();
    }

   private:
    void list(const std::string& after);

    std::shared_ptr<ShardSource> source_;
    std::vector<std::string> page_;
    std::size_t at_ = 0;
    bool is_last_ = true;
  };

  explicit ShardKeys(std::shared_ptr<ShardSource> source) noexcept : source_(std::move(source)) {}

  [[nodiscard]] Iterator begin() const { return Iterator(source_); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  std::shared_ptr<ShardSource> source_;
};

/// A set of shards that is read: `auto shards = locum::open_foreign_shards(files, "train").value();
/// const locum::Record sample = shards.get(key).value()[17];`
///
/// A cheap value; copies are the same. Any thread may call; calls block while the file system, or the
/// backend, does.
template <class Sample = Record>
class Shards {
 public:
  /// Reads the shards of a source: those of open_foreign_shards(), or of the program's own. `type_mismatch`
  /// is what calls return if its samples are of another type.
  explicit Shards(std::shared_ptr<ShardSource> source) noexcept : source_(std::move(source)) {}
  /// Reads those in a folder of these files; empty: their own folder. Throws Error `invalid_argument` for a
  /// bad path.
  explicit Shards(const Files& files, std::string_view folder = {})
      : Shards(detail::shards_in_files(files, folder, detail::SampleCoder<Sample>::layout(),
                                       {.is_read_only = true})
                   .value()) {}
  /// Reads those that are objects of a store.
  explicit Shards(const Store& store)
      : Shards(detail::shards_in_store(store, detail::SampleCoder<Sample>::layout(), {.is_read_only = true})
                   .value()) {}

  /// Returns the keys, lazily; see ShardKeys.
  [[nodiscard]] ShardKeys keys() const noexcept { return ShardKeys(source_); }
  /// Opens a shard: its index is read, no sample. `not_found`; `corrupt`; `type_mismatch`; `unsupported`;
  /// `system`.
  [[nodiscard]] Result<Shard<Sample>> get(std::string_view key, const CallOptions& options = {}) const {
    if (auto right = detail::check_sample_type(*source_, detail::SampleCoder<Sample>::layout()); !right) {
      return right.error();
    }
    auto open = source_->open(std::string(key), options.deadline);
    return open ? Result<Shard<Sample>>(std::in_place, std::string(key), std::move(*open)) : open.error();
  }
  /// Returns samples and bytes of each shard, by key in ascending order: from the index beside the shards,
  /// which set() keeps; shards that it lacks are opened, and added to it.
  [[nodiscard]] Result<std::vector<ShardFacts>> index(const CallOptions& options = {}) const {
    return source_->index(options.deadline);
  }
  /// Returns the number of samples of all shards, by index().
  [[nodiscard]] Result<std::uint64_t> samples(const CallOptions& options = {}) const {
    return detail::samples_of(index(options));
  }

  /// \cond library
  [[nodiscard]] const std::shared_ptr<ShardSource>& source() const noexcept { return source_; }
  /// \endcond

 private:
  std::shared_ptr<ShardSource> source_;
};

/// A set of shards that is written, too: `ShardStore<Mesh> shards(files, "meshes"); shards.set(meshes);`
///
/// *Where.* The files `KEY.shard` in a folder of Files (of a file system, or of any backend that lists), or
/// objects of a Store: then in the memory of the nodes, or wherever it keeps them.
///
/// *Samples* are values of one type, as a Store takes them: flat ones, ranges of these, types with
/// serialize(), Record. A shard knows the type of its samples, and is not read as another.
///
/// *Writing* is atomic: nobody finds a shard before all of it is there; what a killed process leaves is not
/// found. Nothing is kept back: when set() returns, every rank finds the shard. Ranks and threads write at
/// the same time.
///
/// *Damage.* Each block and the index have checksums: `corrupt` names samples and place.
template <class Sample = Record>
class ShardStore : public Shards<Sample> {
 public:
  /// Opens the shards in a folder of these files, which need not exist; empty: their own folder. With Files
  /// of a runtime the blocks that epochs() decodes are shared by the ranks of the node. Throws Error:
  /// `invalid_argument` for a bad path or layout, `unsupported` for a codec that this build lacks.
  explicit ShardStore(const Files& files, std::string_view folder = {}, const ShardLayout& layout = {})
      : ShardStore(
            detail::shards_in_files(files, folder, detail::SampleCoder<Sample>::layout(), layout).value()) {}
  /// Opens the shards that are objects of a store, under names that end with `.shard`. Throws the same.
  explicit ShardStore(const Store& store, const ShardLayout& layout = {})
      : ShardStore(detail::shards_in_store(store, detail::SampleCoder<Sample>::layout(), layout).value()) {}
  /// Writes the shards of a source, whose samples are of this type, or Records.
  explicit ShardStore(std::shared_ptr<ShardSource> source) noexcept : Shards<Sample>(std::move(source)) {}

  /// Writes a shard of samples; returns its key. Blocks until every rank finds it. `key_exists`: a shard has
  /// that key; `invalid_argument` for a bad key, or a sample that cannot be stored; `unsupported` where
  /// shards are only read; `out_of_memory`, `system`. Passes on exceptions of the range; then nothing was
  /// written.
  template <std::ranges::input_range Range>
    requires std::convertible_to<std::ranges::range_reference_t<Range>, const Sample&>
  Result<std::string> set(Range&& samples, const ShardOptions& options = {}) const {
    if (auto right = detail::check_sample_type(*this->source(), detail::SampleCoder<Sample>::layout());
        !right) {
      return right.error();
    }
    const std::string key = options.key.empty() ? detail::new_shard_key() : std::string(options.key);
    const Deadline until = options.deadline;
    auto draft = this->source()->create(key);
    if (!draft) {
      return draft.error();
    }
    std::vector<std::byte> memory;
    for (const Sample& sample : samples) {
      if (auto added = add(**draft, sample, memory); !added) {
        return added.error().about(key);
      }
    }
    auto done = (*draft)->publish(until);
    return done ? Result<std::string>(key) : Result<std::string>(done.error().about(key));
  }
  /// Removes a shard. Returns false if there was none. Of shards that are open elsewhere, those in files stay
  /// readable, those in objects are `stale`, but for what Shard::keep() has read.
  Result<bool> remove(std::string_view key, const CallOptions& options = {}) const {
    return this->source()->remove(std::string(key), options.deadline);
  }

 private:
  [[nodiscard]] Result<void> add(ShardDraft& draft, const Sample& sample,
                                 std::vector<std::byte>& memory) const {
    if constexpr (std::is_same_v<Sample, Record>) {
      if (this->source()->type().empty()) {
        return draft.add({.owner = {}, .bytes = {}, .record = sample});
      }
    }
    const auto bytes = detail::SampleCoder<Sample>::encode(sample, memory);
    return bytes ? draft.add({.owner = {}, .bytes = *bytes, .record = {}}) : Result<void>(bytes.error());
  }
};

/// Opens a set of shards by a URL: `file:///scratch/train`, `zip:…`, `memory:`, any URL of locum::open()
/// whose backend lists; `tmp:`, a folder in the system's folder of temporary files, which is removed with the
/// last copy of this (not if the process is killed). In front of it `readonly+` refuses set() and remove().
/// The errors that the constructors of ShardStore and Files throw. For this process alone: to share what is
/// decoded, give Files of a runtime.
template <class Sample = Record>
[[nodiscard]] Result<ShardStore<Sample>> open_shards(std::string_view url, const ShardLayout& layout = {}) {
  auto source = detail::shards_at(url, detail::SampleCoder<Sample>::layout(), layout);
  return source ? Result<ShardStore<Sample>>(std::in_place, std::move(*source)) : source.error();
}

/// Opens shards that another program wrote.
/// \param files where they are
/// \param folder in these files; empty: their own folder
/// \param format `msgpack` (Squirrel), `jsonl`, `mds` (MosaicML Streaming), `webdataset`; empty: what is in
/// the folder tells. `not_found`: nothing there does; `invalid_argument`: it has files of several formats, or
/// there is no such format; `corrupt`, `unsupported` for their descriptions.
[[nodiscard]] inline Result<Shards<Record>> open_foreign_shards(const Files& files,
                                                                std::string_view folder = {},
                                                                std::string_view format = {}) {
  auto source = detail::foreign_shards(files, folder, format);
  return source ? Result<Shards<Record>>(std::in_place, std::move(*source)) : source.error();
}

}  // namespace locum
