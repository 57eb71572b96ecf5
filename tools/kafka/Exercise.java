// Run from source by tools/kafka/install: makes the broker do each thing once that the gateway asks of
// it (a topic, an idempotent record, a member of a group of the new protocol), so that the classes for
// it get into the class-data archive. Argument: host:port.
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

class Exercise {
    public static void main(String[] arguments) throws Exception {
        String server = arguments[0];
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", server))) {
            admin.createTopics(List.of(new NewTopic("warm", 1, (short) 1))).all().get();
        }
        try (var producer = new KafkaProducer<String, String>(
                Map.of("bootstrap.servers", server, "acks", "all"), new StringSerializer(), new StringSerializer())) {
            producer.send(new ProducerRecord<>("warm", "key", "value")).get();
        }
        Map<String, Object> settings = Map.of("bootstrap.servers", server, "group.id", "warm",
                "group.protocol", "consumer", "auto.offset.reset", "earliest");
        try (var consumer = new KafkaConsumer<String, String>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of("warm"));
            long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
            while (consumer.poll(Duration.ofMillis(200)).isEmpty()) {
                if (System.nanoTime() > end) throw new IllegalStateException("the record did not come back in 20 s");
            }
            consumer.commitSync();
        }
    }
}
