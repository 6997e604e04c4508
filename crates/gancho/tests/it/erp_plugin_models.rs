//! The plugin where it may make no triggers: the ERP's models say what they write.

use gancho_testkit::Engine;
use serde_json::{Value, json};

use crate::{
    erp_database::types,
    erp_plugin::{Erp, NOTHING, events, server},
};

/// As Install finds it where the account lacks the right to make triggers.
const NO_TRIGGERS: &str = "
    $settings = (new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())->read($db);
    $install = new FacturaScripts\\Plugins\\Gancho\\Outbox\\Install($db, $settings);
    (fn() => $this->drop(fn($name) => str_starts_with($name, 'trigger ')))->call($install);";

#[tokio::test]
async fn models_capture_where_triggers_may_not_be_made() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let server = server().await;
        erp.connect(&server).await;
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
        erp.request(NOTHING);
        erp.request(&format!(
            "{NO_TRIGGERS} $settings->note(['mode' => 'models']);
            (new FacturaScripts\\Plugins\\Gancho\\Capture\\Flags($db))->learn();"
        ));
        let began = events(&server).await.len();
        erp.request(
            "use FacturaScripts\\Dinamic\\Model\\{FacturaCliente, LineaFacturaCliente};
            $db->beginTransaction();
            $invoice = new FacturaCliente(['codigo' => 'FAC7', 'codcliente' => '1', 'total' => 0, 'pagada' => false, 'vencida' => false, 'fecha' => '2026-11-24']);
            $invoice->save();
            (new LineaFacturaCliente(['idfactura' => $invoice->idfactura, 'descripcion' => 'Uno', 'cantidad' => 1]))->save();
            $invoice->total = 84.7;
            $invoice->save();
            $db->commit();",
        );
        erp.request(
            "use FacturaScripts\\Dinamic\\Model\\ReciboCliente;
            $id = $db->select('SELECT MAX(idfactura) AS id FROM facturascli')[0]['id'];
            (new ReciboCliente(['idfactura' => $id, 'pagado' => true, 'vencido' => false, 'importe' => 84.7]))->save();",
        );
        erp.request(
            "use FacturaScripts\\Dinamic\\Model\\Cliente;
            $customer = new Cliente();
            $customer->load('1');
            $db->beginTransaction();
            $customer->nombre = 'Phantom';
            $customer->save();
            $db->rollback();
            $customer->nombre = 'Eva';
            $customer->save();",
        );
        let all = events(&server).await.split_off(began);
        let mut reported = types(&all);
        reported.sort_unstable();
        let right = [
            "customer.updated",
            "invoice.created",
            "invoice.paid",
            "invoice.updated",
            "receipt.created",
            "receipt.paid",
        ];
        assert_eq!(reported, right, "{engine:?}");
        let of = |kind: &str| all.iter().find(|event| event["event"] == kind).expect("an event")["data"].clone();
        assert_eq!(of("invoice.created")["object"]["lines"][0]["descripcion"], "Uno");
        assert_eq!(of("invoice.created")["object"]["total"], 84.7);
        assert_eq!(of("invoice.paid")["previous"], json!({"pagada": false}));
        assert_eq!(
            of("customer.updated")["previous"],
            json!({"nombre": "Ana"}),
            "{engine:?}: what was rolled back is not reported"
        );
    }
}

/// A group is no model of the catalogue; that it goes changes its customers all the same.
#[tokio::test]
async fn models_capture_what_a_foreign_key_unlinks() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let server = server().await;
        erp.connect(&server).await;
        erp.database
            .run(
                "CREATE TABLE gruposclientes (codgrupo varchar(50) PRIMARY KEY, nombre varchar(100)); \
                 INSERT INTO gruposclientes VALUES ('G', 'Grupo'); \
                 ALTER TABLE clientes ADD CONSTRAINT ca_group FOREIGN KEY (codgrupo) REFERENCES gruposclientes (codgrupo) ON DELETE SET NULL; \
                 INSERT INTO clientes (codcliente, nombre, codgrupo) VALUES ('1', 'Ana', 'G')",
            )
            .await;
        erp.request(NOTHING);
        let began = events(&server).await.len();
        erp.request(&format!(
            "mkdir(FS_FOLDER . '/Dinamic/Model', 0777, true);
            touch(FS_FOLDER . '/Dinamic/Model/GrupoClientes.php');
            {NO_TRIGGERS}
            $settings->note(['mode' => 'models', 'parents' => FacturaScripts\\Plugins\\Gancho\\Capture\\Parents::of($install->plan())]);"
        ));
        erp.request(
            "$group = new FacturaScripts\\Dinamic\\Model\\GrupoClientes();
            $group->load('G');
            $group->delete();",
        );
        let all = events(&server).await.split_off(began);
        assert_eq!(types(&all), ["customer.updated"], "{engine:?}");
        assert_eq!(all[0]["data"]["object"]["codgrupo"], Value::Null);
        assert_eq!(all[0]["data"]["previous"], json!({"codgrupo": "G"}));
    }
}
