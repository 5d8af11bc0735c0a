// The plain bytes of a file of gzip, in any order; and a draft of such a file.

#include <algorithm>
#include <array>
#include <list>
#include <unordered_map>
#include <utility>

#include "core/base/mutex.hpp"
#include "core/base/unless_out_of_memory.hpp"
#include "transport/storage/files/plain_bytes.hpp"
#include "transport/storage/zip/gzip_inflater.hpp"
#include "transport/storage/zip/zip_deflater.hpp"

namespace locum::storage {

namespace {

class GzipBytes final : public PlainBytes {
 public:
  explicit GzipBytes(std::shared_ptr<AreaFile> file) : file_(std::move(file)), inflater_(*file_) {
    places_.emplace_back();  // the beginning of the file
  }

  [[nodiscard]] Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) override
      LOCUM_EXCLUDES(mutex_) {
    return guarded([&]() -> Result<std::size_t> {
      const MutexLock lock(mutex_);
      std::size_t made = 0;
      while (made < into.size()) {
        const auto page = page_of((offset + made) / page_bytes);
        if (!page) {
          return page.error();
        }
        const auto begin = static_cast<std::size_t>((offset + made) % page_bytes);
        if (begin >= page->size()) {
          break;
        }
        const auto piece = page->subspan(begin, std::min(into.size() - made, page->size() - begin));
        std::ranges::copy(piece, into.begin() + static_cast<std::ptrdiff_t>(made));
        made += piece.size();
      }
      return made;
    });
  }

 private:
  static constexpr std::size_t page_bytes = std::size_t{1} << 18U;
  static constexpr std::size_t most_pages = 512;
  static constexpr std::size_t most_places = 128;

  struct Page {
    std::uint64_t number = 0;
    std::vector<std::byte> bytes;
  };

  /// Returns a page, valid until the next call: empty behind the end.
  [[nodiscard]] Result<std::span<const std::byte>> page_of(std::uint64_t number) LOCUM_REQUIRES(mutex_) {
    if (const auto found = pages_.find(number); found != pages_.end()) {
      newest_first_.splice(newest_first_.begin(), newest_first_, found->second);
      return std::span<const std::byte>(newest_first_.front().bytes);
    }
    if (is_end_known_ && number >= end_page_) {
      return std::span<const std::byte>();
    }
    auto done = seek(number);
    is_live_ = false;  // until a page has been inflated as a whole
    while (done && inflater_.plain() / page_bytes <= number && !inflater_.has_ended()) {
      done = inflate_page();
    }
    if (!done) {
      return done.error();
    }
    is_live_ = true;
    const auto found = pages_.find(number);
    return found == pages_.end() ? std::span<const std::byte>()
                                 : std::span<const std::byte>(found->second->bytes);
  }

  /// Goes to the beginning of that page or of one before, as near as the inflater or a place is.
  [[nodiscard]] Result<void> seek(std::uint64_t number) LOCUM_REQUIRES(mutex_) {
    const std::uint64_t wanted = number * page_bytes;
    const auto behind = std::ranges::upper_bound(places_, wanted, {}, &GzipPlace::plain);
    const GzipPlace& place = *std::prev(behind);
    if (is_live_ && inflater_.plain() <= wanted && inflater_.plain() >= place.plain) {
      return {};
    }
    auto done = inflater_.seek(place);
    const std::uint64_t rest = (page_bytes - place.plain % page_bytes) % page_bytes;
    if (done && rest > 0) {
      std::vector<std::byte> skipped(static_cast<std::size_t>(rest));
      const auto got = inflater_.next(skipped, false);
      done = got ? Result<void>() : Result<void>(got.error());
    }
    return done;
  }

  [[nodiscard]] Result<void> inflate_page() LOCUM_REQUIRES(mutex_) {
    std::list<Page> taken;
    if (newest_first_.size() == most_pages) {
      taken.splice(taken.begin(), newest_first_, std::prev(newest_first_.end()));
      pages_.erase(taken.front().number);
    } else {
      taken.emplace_back();
    }
    Page& page = taken.front();
    page.number = inflater_.plain() / page_bytes;
    page.bytes.resize(page_bytes);
    std::size_t made = 0;
    while (made < page_bytes && !inflater_.has_ended()) {
      const bool wants_place = inflater_.plain() >= places_.back().plain + spacing_;
      const auto got = inflater_.next(std::span(page.bytes).subspan(made), wants_place);
      if (!got) {
        return got.error();
      }
      made += *got;
      if (inflater_.between_blocks()) {
        keep_place();
      }
    }
    page.bytes.resize(made);
    if (inflater_.has_ended()) {
      is_end_known_ = true;
      end_page_ = page.number + (made > 0 ? 1 : 0);
    }
    if (made > 0) {
      pages_[page.number] = taken.begin();
      newest_first_.splice(newest_first_.begin(), taken);
    }
    return {};
  }

  void keep_place() LOCUM_REQUIRES(mutex_) {
    if (places_.size() == most_places) {
      for (std::size_t at = 1; 2 * at < most_places; ++at) {
        places_[at] = std::move(places_[2 * at]);
      }
      places_.resize(most_places / 2);
      spacing_ *= 2;
      if (inflater_.plain() < places_.back().plain + spacing_) {
        return;
      }
    }
    places_.push_back(inflater_.place());
  }

  const std::shared_ptr<AreaFile> file_;
  Mutex mutex_;
  GzipInflater inflater_ LOCUM_GUARDED_BY(mutex_);
  bool is_live_ LOCUM_GUARDED_BY(mutex_) = false;  ///< the inflater is at the beginning of a page, or the end
  std::vector<GzipPlace> places_ LOCUM_GUARDED_BY(mutex_);
  std::uint64_t spacing_ LOCUM_GUARDED_BY(mutex_) = std::uint64_t{1} << 20U;
  std::list<Page> newest_first_ LOCUM_GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, std::list<Page>::iterator> pages_ LOCUM_GUARDED_BY(mutex_);
  bool is_end_known_ LOCUM_GUARDED_BY(mutex_) = false;
  std::uint64_t end_page_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< the first one without bytes
};

class ZlibGzipDraft final : public GzipDraft {
 public:
  ZlibGzipDraft(FileDraft& into, int level) : into_(into), deflater_(into, level) {}

  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) override {
    if (auto begun = begin(); !begun) {
      return begun;
    }
    sum_ = ::crc32_z(sum_, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
    size_ += bytes.size();
    return bytes.empty() ? Result<void>() : deflater_.write(bytes);
  }
  [[nodiscard]] Result<void> write_at(std::uint64_t /*offset*/,
                                      std::span<const std::byte> /*bytes*/) override {
    return Error(Errc::unsupported, "a file of gzip is written from its beginning to its end");
  }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return size_; }
  [[nodiscard]] Result<void> finish() override {
    auto done = begin();
    done = done ? deflater_.finish() : std::move(done);
    if (!done) {
      return done;
    }
    std::array<std::byte, 8> end{};
    for (std::size_t at = 0; at < 4; ++at) {
      end[at] = static_cast<std::byte>(sum_ >> 8 * at & 0xFFU);
      end[4 + at] = static_cast<std::byte>(size_ >> 8 * at & 0xFFU);
    }
    return into_.write(end);
  }

 private:
  /// Writes the header: deflate, no time, slowest and smallest, an unknown system.
  [[nodiscard]] Result<void> begin() {
    static constexpr std::array<unsigned char, 10> header{0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 0xFF};
    return std::exchange(has_begun_, true) ? Result<void>() : into_.write(std::as_bytes(std::span(header)));
  }

  FileDraft& into_;
  ZipDeflater deflater_;
  uLong sum_ = 0;
  std::uint64_t size_ = 0;
  bool has_begun_ = false;
};

}  // namespace

Result<std::shared_ptr<PlainBytes>> open_gzip_bytes(const std::shared_ptr<AreaFile>& file) {
  return std::shared_ptr<PlainBytes>(std::make_shared<GzipBytes>(file));
}

Result<std::unique_ptr<GzipDraft>> begin_gzip(FileDraft& into, int level) {
  return std::unique_ptr<GzipDraft>(std::make_unique<ZlibGzipDraft>(into, level));
}

}  // namespace locum::storage
