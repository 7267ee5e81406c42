# config/initializers/cache.rb
SERVERS = %w[10.5.0.1:11211 10.5.0.2:11211]
CACHE = Dalli::Client.new(%w[10.5.0.1:11211 10.5.0.2:11211], namespace: "app", protocol: :meta)
OTHER = Dalli::Client.new(ENV.fetch("MEMCACHE_SERVERS", "localhost:11211"), { expires_in: 300 })
LIMITS = Dalli::Client.new("memcached://shop:not-a-real-password@10.5.0.9:11211", protocol: :meta)
